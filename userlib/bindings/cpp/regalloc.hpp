/* SPDX-License-Identifier: MIT */
/*
 * libregalloc for C++17: a client and slices that go back by themselves, and
 * slices as a memory resource of the standard library.
 *
 * No memory is std::bad_alloc; every other error is std::system_error with its
 * errno. Slices and resources must not outlive their client.
 */
#ifndef REGALLOC_HPP
#define REGALLOC_HPP

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <new>
#include <system_error>
#include <utility>
#include <vector>

#include <linux/regalloc.h>
#include <regalloc.h>

namespace regallocpp
{

inline void check(int err)
{
	if (err == -ENOMEM)
		throw std::bad_alloc();
	if (err)
		throw std::system_error(-err, std::generic_category(),
					regalloc_strerror(err));
}

/* Owns one allocation of a slice, or none. */
class slice {
public:
	slice() = default;

	/* Takes over what the C interface has allocated. */
	slice(struct regalloc *ra, const regalloc_slice &raw) noexcept
		: ra_(ra), raw_(raw)
	{
	}

	slice(slice &&other) noexcept
		: ra_(other.ra_), raw_(std::exchange(other.raw_, {}))
	{
	}

	slice &operator=(slice other) noexcept
	{
		std::swap(ra_, other.ra_);
		std::swap(raw_, other.raw_);
		return *this;
	}

	/* An error here is one that release() would have told. */
	~slice()
	{
		if (*this)
			regalloc_release(ra_, raw_.handle);
	}

	explicit operator bool() const noexcept
	{
		return raw_.handle;
	}

	std::byte *data() const noexcept
	{
		return static_cast<std::byte *>(raw_.addr);
	}

	std::size_t size() const noexcept
	{
		return raw_.bytes;
	}

	std::uint64_t handle() const noexcept
	{
		return raw_.handle;
	}

	void zero()
	{
		check(regalloc_zero(ra_, raw_.handle));
	}

	/* Gives the memory back now; an empty slice has none. */
	void release()
	{
		if (*this)
			check(regalloc_release(ra_, detach()));
	}

	/* Leaves the memory allocated, for client::release(). */
	std::uint64_t detach() noexcept
	{
		return std::exchange(raw_, {}).handle;
	}

private:
	struct regalloc *ra_ = nullptr;
	regalloc_slice raw_ = {};
};

/* An open device. May be moved while slices of it are in use. */
class client {
public:
	static constexpr auto forever = std::chrono::milliseconds::max();

	explicit client(const char *path = nullptr)
	{
		check(regalloc_open(path, 0, &ra_));
	}

	client(client &&other) noexcept : ra_(std::exchange(other.ra_, nullptr))
	{
	}

	client &operator=(client other) noexcept
	{
		std::swap(ra_, other.ra_);
		return *this;
	}

	~client()
	{
		regalloc_close(ra_);
	}

	/* For the functions of regalloc.h. */
	struct regalloc *get() const noexcept
	{
		return ra_;
	}

	slice alloc(std::size_t bytes, std::uint32_t flags = 0)
	{
		regalloc_slice raw;

		check(regalloc_alloc(ra_, bytes, flags, &raw));
		return { ra_, raw };
	}

	/* For those who evict something then: empty if there is no memory. */
	slice try_alloc(std::size_t bytes, std::uint32_t flags = 0)
	{
		regalloc_slice raw;
		int err = regalloc_alloc(ra_, bytes, flags, &raw);

		if (err == -ENOMEM)
			return {};
		check(err);
		return { ra_, raw };
	}

	/* Throws std::errc::timed_out after waiting in vain, 1 ms at least. */
	slice alloc_wait(std::size_t bytes, std::chrono::milliseconds timeout,
			 std::uint32_t flags = 0)
	{
		regalloc_slice raw;
		auto ms = std::clamp<std::chrono::milliseconds::rep>(
			timeout.count(), 1, REGALLOC_WAIT_FOREVER);

		check(regalloc_alloc_wait(ra_, bytes, flags,
					  static_cast<std::uint32_t>(ms), &raw));
		return { ra_, raw };
	}

	/* Fewer than asked for are a success, none is not. */
	std::vector<slice> alloc_many(std::size_t bytes, std::uint32_t count,
				      std::uint32_t flags = 0)
	{
		std::vector<regalloc_slice> raw(count);
		std::vector<slice> slices;
		std::uint32_t got;

		slices.reserve(count);
		check(regalloc_alloc_many(ra_, bytes, flags, count, raw.data(),
					  &got));
		for (std::uint32_t i = 0; i < got; i++)
			slices.emplace_back(ra_, raw[i]);
		return slices;
	}

	void release(std::uint64_t handle)
	{
		check(regalloc_release(ra_, handle));
	}

	void trim()
	{
		check(regalloc_trim(ra_));
	}

	/* A limit of 0 is none. */
	void limits(std::uint64_t reserve_bytes, std::uint64_t limit_bytes)
	{
		check(regalloc_limits(ra_, reserve_bytes, limit_bytes));
	}

	/* How much memory others want; asking clears it. */
	std::uint64_t pressure()
	{
		std::uint64_t wanted_bytes;

		check(regalloc_pressure(ra_, &wanted_bytes));
		return wanted_bytes;
	}

	struct regalloc_stats stats() const
	{
		struct regalloc_stats stats;

		check(::regalloc_stats(ra_, &stats));
		return stats;
	}

	/* For poll(), with POLLPRI. */
	int fd() const noexcept
	{
		return regalloc_fd(ra_);
	}

private:
	struct regalloc *ra_ = nullptr;
};

/*
 * Each allocation is a slice of its own, so this is for buffers, or for a pool
 * resource to take its chunks from. What is larger than the largest slice goes to
 * @large, which by default throws std::bad_alloc: memory that the budget does not
 * know is for the program to choose.
 */
class memory_resource : public std::pmr::memory_resource {
public:
	explicit memory_resource(const client &from,
				 std::pmr::memory_resource *large =
					 std::pmr::null_memory_resource())
		: ra_(from.get()), large_(large)
	{
	}

	memory_resource(const memory_resource &) = delete;
	memory_resource &operator=(const memory_resource &) = delete;

private:
	/* A slice is aligned to its size, so a larger one is better aligned. */
	static std::size_t length(std::size_t bytes, std::size_t alignment)
	{
		return std::max(bytes, alignment);
	}

	void *do_allocate(std::size_t bytes, std::size_t alignment) override
	{
		regalloc_slice raw;

		if (length(bytes, alignment) > REGALLOC_MAX_SLICE_BYTES)
			return large_->allocate(bytes, alignment);
		check(regalloc_alloc(ra_, length(bytes, alignment), 0, &raw));
		return raw.addr;
	}

	/* Throws if @addr is not what was allocated, or no longer. */
	void do_deallocate(void *addr, std::size_t bytes,
			   std::size_t alignment) override
	{
		if (length(bytes, alignment) > REGALLOC_MAX_SLICE_BYTES)
			large_->deallocate(addr, bytes, alignment);
		else
			check(regalloc_release_addr(ra_, addr));
	}

	bool do_is_equal(const std::pmr::memory_resource &other) const
		noexcept override
	{
		return this == &other;
	}

	struct regalloc *ra_;
	std::pmr::memory_resource *large_;
};

} // namespace regallocpp

#endif /* REGALLOC_HPP */
