//! The store at which the ranks meet: libtorch's `TCPStore`.

use std::time::Duration;

use jobmatch_torch_ext_sys::{
    tx_free, tx_store, tx_store_add, tx_store_check, tx_store_clone, tx_store_connect,
    tx_store_delete, tx_store_free, tx_store_get, tx_store_set,
};

use crate::Result;
use crate::raw::{c_text, check, message};

/// One connection to the store.
#[derive(Debug)]
pub(crate) struct Store {
    raw: *mut tx_store,
}

// SAFETY: a TCPStore guards its socket by a mutex; it may go to another thread, which is its only owner there.
unsafe impl Send for Store {}

impl Store {
    /// Connects; the server is made first where this process is to host it. The error is libtorch's text.
    pub(crate) fn connect(
        host: &str,
        port: u16,
        is_server: bool,
        timeout: Duration,
        prefix: &str,
    ) -> std::result::Result<Self, String> {
        let mut raw = std::ptr::null_mut();
        // SAFETY: the texts live through the call, and `raw` takes the store.
        let problem = message(unsafe {
            tx_store_connect(
                c_text(host).as_ptr(),
                port,
                i32::from(is_server),
                milliseconds(timeout),
                c_text(prefix).as_ptr(),
                &raw mut raw,
            )
        });
        problem.map_or(Ok(Self { raw }), Err)
    }

    pub(crate) fn raw(&self) -> *mut tx_store {
        self.raw
    }

    /// A connection of its own, for another thread.
    pub(crate) fn another(&self) -> Result<Self> {
        let mut raw = std::ptr::null_mut();
        // SAFETY: the store lives, and `raw` takes the copy.
        check("connect to the store", unsafe {
            tx_store_clone(self.raw, &raw mut raw)
        })?;
        Ok(Self { raw })
    }

    pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<()> {
        // SAFETY: key and value live through the call.
        check("write to the store", unsafe {
            tx_store_set(self.raw, c_text(key).as_ptr(), value.as_ptr(), value.len())
        })
    }

    /// The value of a key that is there.
    pub(crate) fn get(&self, key: &str) -> Result<Vec<u8>> {
        let (mut bytes, mut length) = (std::ptr::null_mut(), 0);
        // SAFETY: without an error the shim gives `length` bytes of its own, and wants them back.
        unsafe {
            check(
                "read from the store",
                tx_store_get(
                    self.raw,
                    c_text(key).as_ptr(),
                    &raw mut bytes,
                    &raw mut length,
                ),
            )?;
            let value = std::slice::from_raw_parts(bytes, length).to_vec();
            tx_free(bytes.cast());
            Ok(value)
        }
    }

    pub(crate) fn has(&self, key: &str) -> Result<bool> {
        let mut there = 0;
        // SAFETY: the key lives through the call.
        check("ask the store", unsafe {
            tx_store_check(self.raw, c_text(key).as_ptr(), &raw mut there)
        })?;
        Ok(there != 0)
    }

    /// Adds to a counter, which starts at 0; its value after.
    pub(crate) fn add(&self, key: &str, value: i64) -> Result<i64> {
        let mut sum = 0;
        // SAFETY: the key lives through the call.
        check("count in the store", unsafe {
            tx_store_add(self.raw, c_text(key).as_ptr(), value, &raw mut sum)
        })?;
        Ok(sum)
    }

    pub(crate) fn delete(&self, key: &str) -> Result<()> {
        // SAFETY: the key lives through the call.
        check("delete from the store", unsafe {
            tx_store_delete(self.raw, c_text(key).as_ptr())
        })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: it is ours, and nothing uses it after.
        unsafe { tx_store_free(self.raw) }
    }
}

/// As libtorch counts time.
pub(crate) fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
