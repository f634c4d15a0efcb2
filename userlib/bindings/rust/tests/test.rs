// SPDX-License-Identifier: MIT
//! Needs the module, with a budget of BUDGET and nobody else using it.

use regalloc::{Client, Slice};
use std::collections::HashSet;
use std::io::{ErrorKind, Result};
use std::path::Path;
use std::time::Duration;

const KIB: usize = 1024;
const BUDGET: usize = 64 * KIB * KIB;
const REGION: usize = 4 * KIB * KIB;
const EBUSY: i32 = 16;
const EINVAL: i32 = 22;
const ENOMEM: i32 = 12;
const ENOTTY: i32 = 25;
const ESTALE: i32 = 116;

fn errno<T>(result: Result<T>) -> i32 {
    result.err().expect("an error").raw_os_error().unwrap()
}

fn live(client: &Client) -> usize {
    client.stats().unwrap().live_bytes as usize
}

fn charged(client: &Client) -> usize {
    client.stats().unwrap().charged_bytes as usize
}

#[test]
fn one_slice() {
    let client = Client::new().unwrap();
    let mut slice = client.alloc(60000).unwrap();

    assert_eq!(slice.len(), 64 * KIB);
    slice.fill(7);
    assert_eq!((slice[0], slice[65535]), (7, 7));
    slice.zero().unwrap();
    assert_eq!(slice[65535], 0);
    assert_eq!((live(&client), charged(&client)), (64 * KIB, REGION));
    drop(slice);
    assert_eq!(live(&client), 0);
    assert!(client
        .alloc_zeroed(1)
        .unwrap()
        .iter()
        .all(|byte| *byte == 0));
    client.trim().unwrap();
    assert_eq!(charged(&client), 0);
}

#[test]
fn double_release() {
    let client = Client::new().unwrap();
    let handle = client.alloc(1).unwrap().into_handle();

    assert_eq!(live(&client), 4096);
    unsafe {
        client.release(handle).unwrap();
        assert_eq!(errno(client.release(handle)), ESTALE);
    }
}

#[test]
fn budget() {
    let client = Client::new().unwrap();
    let slices = client.alloc_many(256 * KIB, 1000).unwrap();

    assert_eq!(slices.len(), BUDGET / (256 * KIB));
    assert_eq!((live(&client), charged(&client)), (BUDGET, BUDGET));
    let error = client.alloc(1).err().expect("no memory");
    assert_eq!(
        (error.kind(), error.raw_os_error()),
        (ErrorKind::OutOfMemory, Some(ENOMEM))
    );
    assert_eq!(errno(client.alloc_many(1, 2)), ENOMEM);
    for timeout in [Duration::ZERO, Duration::from_micros(1), Duration::from_millis(10)] {
        let error = client.alloc_wait(1, Some(timeout)).err();
        assert_eq!(error.expect("no memory").kind(), ErrorKind::TimedOut);
    }
    drop(slices);
    assert_eq!(live(&client), 0);
    client.alloc_wait(1, None).unwrap();
}

#[test]
fn many() {
    let client = Client::new().unwrap();
    let mut slices = client.alloc_many(4096, 1000).unwrap();

    for (i, slice) in slices.iter_mut().enumerate() {
        slice[..8].copy_from_slice(&i.to_le_bytes());
    }
    for (i, slice) in slices.iter().enumerate() {
        assert_eq!(slice[..8], i.to_le_bytes());
    }
    assert_eq!(
        slices
            .iter()
            .map(Slice::handle)
            .collect::<HashSet<_>>()
            .len(),
        1000
    );
}

#[test]
fn limits() {
    let client = Client::new().unwrap();
    let other = Client::new().unwrap();

    client.limits(0, REGION as u64).unwrap();
    assert_eq!(client.alloc_many(256 * KIB, 100).unwrap().len(), 16);
    client.limits(BUDGET as u64, 0).unwrap();
    assert_eq!(errno(other.limits(REGION as u64, 0)), EBUSY);
    client.limits(0, 0).unwrap();
    let slices = client.alloc_many(256 * KIB, 1000).unwrap();
    assert_eq!(errno(other.alloc(1)), ENOMEM);
    assert_eq!(client.pressure().unwrap(), REGION as u64);
    assert_eq!(client.pressure().unwrap(), 0);
    drop(slices);
}

#[test]
fn arguments() {
    let client = Client::new().unwrap();

    assert_eq!(errno(client.alloc(0)), EINVAL);
    assert_eq!(errno(client.alloc(256 * KIB + 1)), EINVAL);
    assert_eq!(errno(Client::with_path(Path::new("/dev/null"))), ENOTTY);
    let error = Client::with_path(Path::new("/dev/nowhere")).err();
    assert_eq!(error.expect("no device").kind(), ErrorKind::NotFound);
}
