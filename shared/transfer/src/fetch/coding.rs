//! Content as it travels, plain or compressed, into the buffer of a piece; never more than fits.

use bytes::{Buf, Bytes};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::trouble::Trouble;

/// The largest window of a compressed answer, as a power of two: 8 MiB of memory.
const WINDOW_LOG: u32 = 23;

/// Undoes the content coding of one answer.
pub(super) enum Coding {
    /// Bytes as they are.
    Plain,
    /// zstd (RFC 8878).
    Zstd(Box<Decoder<'static>>),
}

impl Coding {
    /// For an answer that is compressed or not.
    pub(super) fn new(compressed: bool) -> Result<Self, Trouble> {
        if !compressed {
            return Ok(Self::Plain);
        }
        let mut decoder = Decoder::new().map_err(Trouble::broken)?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG)).map_err(Trouble::broken)?;
        Ok(Self::Zstd(Box::new(decoder)))
    }

    /// Takes from `data`, writes to `space`, tells how many bytes. With neither taken nor written, it
    /// waits for more data.
    pub(super) fn fill(&mut self, data: &mut Bytes, space: &mut [u8]) -> Result<usize, Trouble> {
        match self {
            Self::Plain => {
                let fits = data.len().min(space.len());
                space[..fits].copy_from_slice(&data[..fits]);
                data.advance(fits);
                Ok(fits)
            }
            Self::Zstd(decoder) => {
                let (mut input, mut output) = (InBuffer::around(&data[..]), OutBuffer::around(space));
                decoder
                    .run(&mut input, &mut output)
                    .map_err(|_| Trouble::Lied("sent compressed data that cannot be read"))?;
                let (read, written) = (input.pos(), output.pos());
                data.advance(read);
                Ok(written)
            }
        }
    }

    /// Once everything asked for is there: whatever still comes must be the end of a frame and no
    /// content.
    pub(super) fn end(&mut self, data: &mut Bytes) -> Result<(), Trouble> {
        let mut spill = [0];
        while !data.is_empty() {
            let before = data.len();
            if matches!(self, Self::Plain) || self.fill(data, &mut spill)? > 0 || data.len() == before {
                return Err(Trouble::Lied("sent more than was asked for"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(mut data: Bytes, len: usize) -> Result<Vec<u8>, Trouble> {
        let mut coding = Coding::new(true)?;
        let (mut out, mut filled) = (vec![0; len], 0);
        while filled < len {
            let before = data.len();
            let written = coding.fill(&mut data, &mut out[filled..])?;
            if written == 0 && data.len() == before {
                return Err(Trouble::broken("ended early"));
            }
            filled += written;
        }
        coding.end(&mut data)?;
        Ok(out)
    }

    #[test]
    fn exactly_what_was_asked_for_comes_out_and_never_more() {
        let plain = b"to be or not to be, ".repeat(10_000);
        let packed = Bytes::from(zstd::bulk::compress(&plain, 3).unwrap());
        assert_eq!(decode(packed.clone(), plain.len()).unwrap(), plain);
        assert!(matches!(decode(packed.clone(), plain.len() - 1), Err(Trouble::Lied(_))));
        assert!(matches!(decode(packed.clone(), plain.len() + 1), Err(Trouble::Passing(_))));
        assert!(matches!(decode(packed.slice(..packed.len() / 2), plain.len()), Err(Trouble::Passing(_))));
        let mut torn = packed.to_vec();
        torn[2] ^= 0xff;
        assert!(matches!(decode(torn.into(), plain.len()), Err(Trouble::Lied(_))));
    }

    #[test]
    fn a_window_that_would_take_much_memory_is_refused() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(27).unwrap();
        std::io::copy(&mut std::io::repeat(7).take(200 << 20), &mut encoder).unwrap();
        let bomb = Bytes::from(encoder.finish().unwrap());
        assert!(matches!(decode(bomb, 1 << 20), Err(Trouble::Lied(_))));
    }

    use std::io::Read;
}
