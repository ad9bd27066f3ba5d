//! The replies of Observe.
//!
//! `atp_grpc/services/reports` says what is promised and defines it.

use super::writing::Message;

/// What a recorded report is answered with. A replica without a name, and sequence 0, say that nothing was new.
#[derive(Clone, Debug)]
pub struct Acknowledgement<'a> {
    /// The decision reported on.
    pub decision_id: &'a str,
    /// Fields that the report set.
    pub recorded: Vec<&'a str>,
    /// Fields that held the same value already.
    pub unchanged: Vec<&'a str>,
    /// Who stored it.
    pub replica: &'a str,
    /// Its place in that replica's order.
    pub sequence: i64,
}

impl Acknowledgement<'_> {
    /// Appends the fields of an `ObserveResponse`.
    pub fn write(&self, message: &mut Message) {
        message.text(1, self.decision_id);
        for field in &self.recorded {
            message.written(2, field.as_bytes());
        }
        for field in &self.unchanged {
            message.written(3, field.as_bytes());
        }
        message.text(4, self.replica);
        message.int(5, self.sequence);
    }
}
