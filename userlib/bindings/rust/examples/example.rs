// SPDX-License-Identifier: MIT
//! Slices that go back by themselves, filled by threads.

use std::thread;

fn main() -> std::io::Result<()> {
    let client = regalloc::Client::new()?;
    let mut slices = client.alloc_many(60000, 4)?;

    thread::scope(|scope| {
        for (i, slice) in slices.iter_mut().enumerate() {
            scope.spawn(move || slice.fill(i as u8));
        }
    });
    for slice in &slices {
        println!(
            "{} bytes of {} at {:p}",
            slice.len(),
            slice[0],
            slice.as_ptr()
        );
    }
    drop(slices);
    println!("{} bytes in use", client.stats()?.live_bytes);
    Ok(())
}
