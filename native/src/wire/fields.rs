//! The fields of a message, one by one, as they stand in its bytes.
//!
//! Nothing is trusted and nothing is repaired: where the bytes are broken, or hold what no message of ours ever does
//! (groups, five-byte tags), the walk ends with `None` and somebody else judges.

/// The value of a field, by its wire type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Integers, truth values and enums.
    Varint(u64),
    /// A double, or 64 bits of another type.
    Fixed64([u8; 8]),
    /// A string, bytes, a message, or packed numbers.
    Bytes(&'a [u8]),
    /// A float, or 32 bits of another type.
    Fixed32([u8; 4]),
}

/// Walks the fields of a message; an item is `None` where the bytes are not plain, and then nothing follows.
#[derive(Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

/// Longest tag that is followed: field numbers up to 268,435,455.
const TAG_BYTES: usize = 4;
const VARINT_BYTES: usize = 10;

impl<'a> Fields<'a> {
    /// Starts at the first byte of a message.
    #[must_use]
    pub const fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Option<(u32, Value<'a>)> {
        let before = self.rest.len();
        let tag = u32::try_from(self.varint()?).ok()?;
        if before - self.rest.len() > TAG_BYTES || tag >> 3 == 0 {
            return None;
        }
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.fixed()?),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                let (bytes, rest) = self.rest.split_at_checked(length)?;
                self.rest = rest;
                Value::Bytes(bytes)
            }
            5 => Value::Fixed32(self.fixed()?),
            _ => return None,
        };
        Some((tag >> 3, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for (position, byte) in self.rest.iter().take(VARINT_BYTES).enumerate() {
            if position == VARINT_BYTES - 1 && *byte > 1 {
                return None;
            }
            value |= u64::from(byte & 0x7F) << (7 * position);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[position + 1..];
                return Some(value);
            }
        }
        None
    }

    fn fixed<const SIZE: usize>(&mut self) -> Option<[u8; SIZE]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u32, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Value<'a> {
    /// The bytes of a message, or of packed numbers.
    #[must_use]
    pub const fn bytes(self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// A string.
    #[must_use]
    pub fn text(self) -> Option<&'a str> {
        self.bytes().and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// The number of an enum, or an integer without a sign.
    #[must_use]
    pub const fn number(self) -> Option<u64> {
        if let Self::Varint(value) = self { Some(value) } else { None }
    }

    /// An `int64`.
    #[must_use]
    pub const fn int64(self) -> Option<i64> {
        if let Self::Varint(value) = self { Some(value.cast_signed()) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(message: &[u8]) -> Vec<Option<(u32, Value<'_>)>> {
        Fields::of(message).collect()
    }

    #[test]
    fn every_wire_type_is_read() {
        let message = [0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x1D, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8];
        let fields = walk(&message);
        assert_eq!(
            fields,
            [
                Some((1, Value::Varint(150))),
                Some((2, Value::Bytes(b"hi"))),
                Some((3, Value::Fixed32([1, 2, 3, 4]))),
                Some((4, Value::Fixed64([1, 2, 3, 4, 5, 6, 7, 8]))),
            ]
        );
    }

    #[test]
    fn a_broken_message_ends_the_walk() {
        let broken: [&[u8]; 7] = [
            &[0x08],                                                             // a value is missing
            &[0x12, 5, b'h'],                                                    // shorter than it says
            &[0x0B, 0x0C],                                                       // a group
            &[0x00, 0x01],                                                       // field number 0
            &[0x80],                                                             // half a tag
            &[0x88, 0x80, 0x80, 0x80, 0x00, 0x01],                               // a long tag
            &[0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], // more than 64 bits
        ];
        for message in broken {
            assert_eq!(walk(message).last(), Some(&None), "{message:?}");
            assert_eq!(walk(message).len(), 1);
        }
    }
}
