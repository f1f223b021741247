//! The states of a job.

use kerrera::State;

use super::{Said, Text, texts};

texts! {
    suspended: "suspended" | "보류됨";
    scheduled: "scheduled" | "예약됨";
    available: "available" | "대기";
    executing: "executing" | "실행 중";
    retryable: "retryable" | "재시도 대기";
    completed: "completed" | "완료";
    cancelled: "cancelled" | "취소됨";
    discarded: "discarded" | "폐기됨";
}

impl Text {
    pub(crate) fn state_name(self, state: State) -> Said {
        match state {
            State::Suspended => self.suspended(),
            State::Scheduled => self.scheduled(),
            State::Available => self.available(),
            State::Executing => self.executing(),
            State::Retryable => self.retryable(),
            State::Completed => self.completed(),
            State::Cancelled => self.cancelled(),
            State::Discarded => self.discarded(),
        }
    }
}
