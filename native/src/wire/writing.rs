//! Fields of a message, appended to bytes.
//!
//! As in proto3, a number that is zero and a string that is empty are left out; a message is written also when it is
//! empty, because its presence is something said. It never reads anything.

/// Appends fields to a message that is being written.
#[derive(Debug, Default)]
pub struct Message {
    bytes: Vec<u8>,
}

const CONTINUED: u8 = 0x80;

impl Message {
    /// An empty message with room for this many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// An integer or an enum that is not negative.
    pub fn int(&mut self, number: u32, value: i64) {
        if value != 0 {
            self.present_int(number, value);
        }
    }

    /// A double.
    pub fn double(&mut self, number: u32, value: f64) {
        if value.to_bits() != 0 {
            self.present_double(number, value);
        }
    }

    /// An integer whose presence is something said, also when it is zero. It is not negative.
    pub fn present_int(&mut self, number: u32, value: i64) {
        self.tag(number, 0);
        self.varint(value.cast_unsigned());
    }

    /// A double whose presence is something said, also when it is zero.
    pub fn present_double(&mut self, number: u32, value: f64) {
        self.tag(number, 1);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A string or bytes.
    pub fn text(&mut self, number: u32, value: impl AsRef<[u8]>) {
        if !value.as_ref().is_empty() {
            self.written(number, value.as_ref());
        }
    }

    /// A message that is written already.
    pub fn written(&mut self, number: u32, message: &[u8]) {
        self.tag(number, 2);
        self.varint(message.len() as u64);
        self.bytes.extend_from_slice(message);
    }

    /// A message that is written by `fill`.
    pub fn message(&mut self, number: u32, fill: impl FnOnce(&mut Self)) {
        self.tag(number, 2);
        // Nearly all of ours are shorter than 128 bytes; the length of a longer one is put in afterwards.
        let at = self.bytes.len();
        self.bytes.push(0);
        fill(self);
        let length = self.bytes.len() - at - 1;
        match u8::try_from(length) {
            Ok(short) if short < CONTINUED => self.bytes[at] = short,
            _ => {
                let mut prefix = Self::default();
                prefix.varint(length as u64);
                self.bytes.splice(at..=at, prefix.bytes);
            }
        }
    }

    fn tag(&mut self, number: u32, wire_type: u32) {
        self.varint(u64::from(number << 3 | wire_type));
    }

    fn varint(&mut self, mut value: u64) {
        loop {
            #[allow(clippy::cast_possible_truncation, reason = "seven bits are taken at a time")]
            let low = value as u8 & !CONTINUED;
            value >>= 7;
            if value == 0 {
                return self.bytes.push(low);
            }
            self.bytes.push(low | CONTINUED);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fields::{Fields, Value};

    #[test]
    fn what_is_written_is_what_is_read() {
        let mut message = Message::default();
        message.int(1, i64::MAX);
        message.double(2, -0.0);
        message.text(3, "words");
        message.message(4, |inner| inner.text(1, vec![7; 300]));
        message.message(5, |_| {});
        let bytes = message.into_bytes();
        let fields: Option<Vec<_>> = Fields::of(&bytes).collect();
        let mut inner = Message::default();
        inner.text(1, vec![7; 300]);
        let inner = inner.into_bytes();
        let expected = [
            (1, Value::Varint(i64::MAX.cast_unsigned())),
            (2, Value::Fixed64((-0.0_f64).to_le_bytes())),
            (3, Value::Bytes(b"words")),
            (4, Value::Bytes(&inner)),
            (5, Value::Bytes(b"")),
        ];
        assert_eq!(fields.as_deref(), Some(&expected[..]));
    }

    #[test]
    fn zero_and_nothing_are_left_out() {
        let mut message = Message::default();
        message.int(1, 0);
        message.double(2, 0.0);
        message.text(3, "");
        assert!(message.into_bytes().is_empty());
    }
}
