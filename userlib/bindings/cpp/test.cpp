// SPDX-License-Identifier: MIT
/*
 * Needs the module, with a budget of BUDGET and nobody else using it.
 */
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <regalloc.hpp>

using namespace regallocpp;
using namespace std::chrono_literals;

static constexpr std::size_t KIB = 1024;
static constexpr std::size_t MIB = 1024 * KIB;
static constexpr std::size_t BUDGET = 64 * MIB;
static constexpr std::size_t REGION = 4 * MIB;

#define CHECK(condition)						\
	do {								\
		if (!(condition))					\
			fail(__LINE__, #condition);			\
	} while (0)

static void fail(int line, const char *what)
{
	std::cerr << "test.cpp:" << line << ": " << what << '\n';
	std::exit(1);
}

/* Does @fn throw this error? */
template <typename Fn> static bool throws(std::errc code, Fn fn)
{
	try {
		fn();
	} catch (const std::system_error &e) {
		return e.code() == code;
	}
	return false;
}

template <typename Fn> static bool out_of_memory(Fn fn)
{
	try {
		fn();
	} catch (const std::bad_alloc &) {
		return true;
	}
	return false;
}

static void test_one_slice()
{
	client client;
	slice slice = client.alloc(60000);

	CHECK(slice && slice.size() == 64 * KIB);
	std::memset(slice.data(), 7, slice.size());
	CHECK(slice.data()[0] == std::byte(7));
	CHECK(slice.data()[slice.size() - 1] == std::byte(7));
	slice.zero();
	CHECK(slice.data()[slice.size() - 1] == std::byte(0));
	CHECK(client.stats().live_bytes == 64 * KIB);
	CHECK(client.stats().charged_bytes == REGION);
	slice.release();
	CHECK(!slice && !slice.data() && client.stats().live_bytes == 0);
	client.trim();
	CHECK(client.stats().charged_bytes == 0);
}

static void test_ownership()
{
	client first;
	client second(std::move(first));
	slice a = second.alloc(4096);
	slice b(std::move(a));

	CHECK(!a && b);
	a = second.alloc(4096);
	CHECK(second.stats().live_bytes == 8192);
	a = std::move(b);
	CHECK(a && !b && second.stats().live_bytes == 4096);
	first = std::move(second);
	{
		slice c = std::move(a);
	}
	CHECK(first.stats().live_bytes == 0);
}

static void test_double_release()
{
	client client;
	slice slice = client.alloc(4096);
	std::uint64_t handle = slice.handle();

	client.release(handle);
	CHECK(throws(std::errc(ESTALE), [&] { slice.release(); }));
	CHECK(!slice);
	slice.release();
	CHECK(throws(std::errc(ESTALE), [&] { client.release(handle); }));

	slice = client.alloc(4096);
	handle = slice.detach();
	CHECK(!slice && client.stats().live_bytes == 4096);
	client.release(handle);
}

static void test_budget()
{
	client client;
	std::vector<slice> slices = client.alloc_many(256 * KIB, 1000);

	CHECK(slices.size() == BUDGET / (256 * KIB));
	CHECK(client.stats().live_bytes == BUDGET);
	CHECK(out_of_memory([&] { client.alloc(4096); }));
	CHECK(out_of_memory([&] { client.alloc_many(4096, 2); }));
	CHECK(!client.try_alloc(4096));
	for (auto timeout : { -1ms, 0ms, 1ms })
		CHECK(throws(std::errc::timed_out,
			     [&] { client.alloc_wait(4096, timeout); }));
	slices.clear();
	CHECK(client.stats().live_bytes == 0);
	CHECK(client.try_alloc(4096));
	CHECK(client.alloc_wait(4096, client::forever));
}

static void test_limits()
{
	client client, other;

	client.limits(0, REGION);
	CHECK(client.alloc_many(256 * KIB, 100).size() == 16);
	client.limits(BUDGET, 0);
	CHECK(throws(std::errc::device_or_resource_busy,
		     [&] { other.limits(REGION, 0); }));
	CHECK(out_of_memory([&] { other.alloc(4096); }));
	CHECK(client.pressure() == 0);
}

static void test_arguments()
{
	client client;

	CHECK(throws(std::errc::invalid_argument, [&] { client.alloc(0); }));
	CHECK(throws(std::errc::invalid_argument,
		     [&] { client.try_alloc(256 * KIB + 1); }));
	CHECK(throws(std::errc::no_such_file_or_directory,
		     [] { regallocpp::client nowhere("/dev/nowhere"); }));
	CHECK(throws(std::errc::inappropriate_io_control_operation,
		     [] { regallocpp::client null("/dev/null"); }));
}

static void test_resource()
{
	client client;
	memory_resource slices(client);

	for (std::size_t alignment = 1; alignment <= 256 * KIB; alignment *= 2) {
		void *addr = slices.allocate(100, alignment);

		CHECK(reinterpret_cast<std::uintptr_t>(addr) % alignment == 0);
		std::memset(addr, 1, 100);
		slices.deallocate(addr, 100, alignment);
	}
	CHECK(client.stats().live_bytes == 0);

	void *addr = slices.allocate(256 * KIB);

	slices.deallocate(addr, 256 * KIB);
	CHECK(throws(std::errc(ESTALE),
		     [&] { slices.deallocate(addr, 256 * KIB); }));
	CHECK(slices.is_equal(slices));
	CHECK(!slices.is_equal(memory_resource(client)));
}

static void test_containers()
{
	client client;
	memory_resource slices(client);
	std::pmr::unsynchronized_pool_resource pool({ 64, 2048 }, &slices);
	std::pmr::map<int, std::pmr::string> map(&pool);
	std::pmr::vector<int> vector(&slices);
	const std::string text(40, 'x');

	for (int i = 0; i < 5000; i++)
		map.emplace(i, text + std::to_string(i));
	for (int i = 0; i < 5000; i++)
		CHECK(std::string_view(map.at(i)) == text + std::to_string(i));
	CHECK(client.stats().live_bytes >= 5000 * 40);
	map.clear();
	pool.release();

	vector.reserve(256 * KIB / sizeof(int));
	CHECK(client.stats().live_bytes == 256 * KIB);
	CHECK(out_of_memory([&] { vector.reserve(vector.capacity() + 1); }));

	client.limits(0, REGION);
	CHECK(out_of_memory([&] {
		std::pmr::vector<std::pmr::vector<char>> many(17, &slices);

		for (auto &one : many)
			one.resize(200 * KIB);
	}));
}

static void test_large()
{
	client client;
	memory_resource slices(client, std::pmr::new_delete_resource());
	std::pmr::vector<char> vector(&slices);

	vector.resize(256 * KIB);
	CHECK(client.stats().live_bytes == 256 * KIB);
	vector.resize(MIB);
	CHECK(client.stats().live_bytes == 0);
	CHECK(vector.back() == 0);
}

int main()
{
	try {
		test_one_slice();
		test_ownership();
		test_double_release();
		test_budget();
		test_limits();
		test_arguments();
		test_resource();
		test_containers();
		test_large();
	} catch (const std::exception &e) {
		std::cerr << "unexpected: " << e.what() << '\n';
		return 1;
	}
	std::cout << "C++: all tests passed\n";
}
