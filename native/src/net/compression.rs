//! The codings a body may have, and compression of what we send.

use super::gzip;
use std::cell::RefCell;
use std::io::Write;
use zstd::bulk::Compressor;

/// How a body is compressed, by the field's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    Zstd,
    Zlib,
    /// What HTTP calls deflate: the zlib format.
    Deflate,
    /// In a request to us block or stream, told apart by the stream's magic; from us a block.
    Snappy,
    SnappyFramed,
    Lz4,
}

impl Coding {
    /// The coding of a `Content-Encoding` or `compression:` value, matched as one exact token.
    pub fn from_name(name: &str) -> Option<Coding> {
        Some(match name {
            "gzip" => Coding::Gzip,
            "zstd" => Coding::Zstd,
            "zlib" => Coding::Zlib,
            "deflate" => Coding::Deflate,
            "snappy" => Coding::Snappy,
            "x-snappy-framed" => Coding::SnappyFramed,
            "lz4" => Coding::Lz4,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Zstd => "zstd",
            Coding::Zlib => "zlib",
            Coding::Deflate => "deflate",
            Coding::Snappy => "snappy",
            Coding::SnappyFramed => "x-snappy-framed",
            Coding::Lz4 => "lz4",
        }
    }
}

/// A tracing gateway is paid in CPU: the levels chosen when nobody asks for another one.
const GZIP_LEVEL: u32 = 1;
const ZSTD_LEVEL: i32 = 1;

/// `content` in `coding`; `level` is that of gzip, zlib, deflate (0 to 9) and zstd (1 to 22).
pub fn compress(coding: Coding, level: Option<i32>, content: &[u8]) -> Vec<u8> {
    let deflate_level = || level.map_or(GZIP_LEVEL, |level| level.clamp(0, 9) as u32);
    match coding {
        Coding::Gzip => gzip::gzip(deflate_level(), content),
        Coding::Zlib | Coding::Deflate => gzip::zlib(deflate_level(), content),
        Coding::Zstd => zstd(level.unwrap_or(ZSTD_LEVEL), content),
        Coding::Snappy => snap::raw::Encoder::new()
            .compress_vec(content)
            .expect("a body is smaller than the 4 GiB of a snappy block"),
        Coding::SnappyFramed => {
            let mut encoder = snap::write::FrameEncoder::new(Vec::with_capacity(content.len() / 2));
            encoder.write_all(content).expect("a vector takes every write");
            encoder.into_inner().expect("a vector takes every write")
        }
        Coding::Lz4 => {
            let mut encoder =
                lz4_flex::frame::FrameEncoder::new(Vec::with_capacity(content.len() / 2));
            encoder.write_all(content).expect("a vector takes every write");
            encoder.finish().expect("a vector takes every write")
        }
    }
}

thread_local! {
    /// A context is most of a megabyte: each thread that compresses keeps one.
    static ZSTD: RefCell<Compressor<'static>> = RefCell::new(Compressor::default());
}

fn zstd(level: i32, content: &[u8]) -> Vec<u8> {
    ZSTD.with_borrow_mut(|compressor| {
        let done =
            compressor.set_compression_level(level).and_then(|()| compressor.compress(content));
        done.expect("the output buffer has the size the library asked for")
    })
}
