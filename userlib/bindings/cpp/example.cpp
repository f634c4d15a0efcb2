// SPDX-License-Identifier: MIT
/*
 * A buffer that goes back by itself, and a map that lives in slices: the pool
 * makes small objects out of them, and gives all of them back when it ends.
 */
#include <exception>
#include <iostream>
#include <map>
#include <memory_resource>
#include <string>

#include <regalloc.hpp>

static void buffer(regallocpp::client &client)
{
	regallocpp::slice slice = client.alloc(60000);

	slice.data()[0] = std::byte(42);
	std::cout << slice.size() << " bytes at " << slice.data() << '\n';
}

static void map(regallocpp::client &client)
{
	/* Chunks of at most 64 * 2048 bytes fit into a slice. */
	const std::pmr::pool_options small = { 64, 2048 };
	regallocpp::memory_resource slices(client);
	std::pmr::unsynchronized_pool_resource pool(small, &slices);
	std::pmr::map<int, std::pmr::string> squares(&pool);

	for (int i = 0; i < 10000; i++)
		squares.emplace(i, "the square of the number is " +
					   std::to_string(i * i));
	std::cout << squares.size() << " strings, such as \"" << squares.at(99)
		  << "\", in " << client.stats().live_bytes << " bytes\n";
}

int main()
{
	try {
		regallocpp::client client;

		buffer(client);
		map(client);
		std::cout << client.stats().live_bytes << " bytes in use\n";
	} catch (const std::exception &e) {
		std::cerr << "example: " << e.what() << '\n';
		return 1;
	}
}
