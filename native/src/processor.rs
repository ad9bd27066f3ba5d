//! Which instructions of this processor the numeric kernels run on.
//!
//! Every kernel is compiled twice from one source, once for any processor and once with wider registers (AVX2 on
//! x86-64). Rust never fuses a product with a sum unless it is told to, so both copies round alike and give the same
//! bytes. It never computes anything itself.

use pulp::Arch;

/// A way to run kernels.
#[derive(Clone, Copy, Debug)]
pub struct Processor(Arch);

impl Processor {
    /// The widest instructions that this processor has.
    #[must_use]
    pub fn detect() -> Self {
        Self(Arch::new())
    }

    /// The instructions that every processor of this kind has.
    #[must_use]
    pub const fn plain() -> Self {
        Self(Arch::Scalar)
    }

    /// Runs a kernel. Only what is inlined into it is compiled for the wider registers.
    #[inline]
    pub fn run<R>(self, kernel: impl FnOnce() -> R) -> R {
        self.0.dispatch(kernel)
    }
}
