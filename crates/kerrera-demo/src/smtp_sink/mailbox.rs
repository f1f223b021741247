//! How a mailbox takes mail.

/// How a mailbox takes mail; decided by the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mailbox {
    /// At once.
    Fine,
    /// Busy so many times, then fine.
    BusyAtFirst(u32),
    /// Fine, then busy once: when the newsletter comes.
    BusyLater,
    /// Takes the first message, and the line breaks before the sender hears of it.
    HangsUp,
    /// Busy for ever.
    Full,
    /// There is none any more.
    Gone,
}

/// What is said to somebody who has mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Take,
    TakeAndHangUp,
    Busy,
    Gone,
}

impl Mailbox {
    /// How often each comes in twenty.
    pub(crate) const DECK: [(usize, Mailbox); 7] = [
        (13, Mailbox::Fine),
        (2, Mailbox::BusyAtFirst(1)),
        (1, Mailbox::BusyAtFirst(2)),
        (1, Mailbox::BusyLater),
        (1, Mailbox::HangsUp),
        (1, Mailbox::Full),
        (1, Mailbox::Gone),
    ];

    /// The answer to the `nth` try, counted from 1.
    pub(super) fn answer(self, nth: u32) -> Answer {
        match self {
            Mailbox::Gone => Answer::Gone,
            Mailbox::Full => Answer::Busy,
            Mailbox::BusyAtFirst(times) if nth <= times => Answer::Busy,
            Mailbox::BusyLater if nth == 2 => Answer::Busy,
            Mailbox::HangsUp if nth == 1 => Answer::TakeAndHangUp,
            _ => Answer::Take,
        }
    }
}
