//! How a network thread wakes Python's event loop: a descriptor that is readable while there is
//! something to take.
//!
//! Network threads never touch the interpreter lock. The owner rings and silences the bell under
//! the lock of the list it announces, so at most one byte is ever in the pipe and the descriptor
//! is readable exactly while the list has something.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsRawFd, RawFd};

pub struct Bell {
    reader: PipeReader,
    writer: PipeWriter,
    rung: bool,
}

impl Bell {
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self { reader, writer, rung: false })
    }

    /// The descriptor to watch for reading.
    pub fn fd(&self) -> RawFd {
        self.reader.as_raw_fd()
    }

    pub fn ring(&mut self) {
        if !self.rung {
            // One byte into an empty pipe whose reader we hold: this can neither block nor fail.
            self.rung = self.writer.write_all(&[1]).is_ok();
        }
    }

    pub fn silence(&mut self) {
        if self.rung {
            self.rung = self.reader.read_exact(&mut [0]).is_err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ringing_twice_leaves_one_byte() {
        let mut bell = Bell::new().unwrap();
        bell.ring();
        bell.ring();
        bell.silence();
        bell.silence();
        assert!(!bell.rung);
    }
}
