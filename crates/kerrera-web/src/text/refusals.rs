//! Why something was not done.

use super::{Said, Text, texts};
use crate::access::{Denied, ReadOnly};
use crate::refusal::Refusal;

texts! {
    title_unknown: "Sign in first" | "먼저 로그인하세요";
    title_forbidden: "Not allowed" | "허용되지 않음";
    title_not_found: "There is nothing here" | "찾을 수 없음";
    title_invalid: "That makes no sense yet" | "입력을 확인하세요";
    title_conflict: "Nothing was changed" | "변경되지 않음";
    title_unavailable: "The database does not answer" | "데이터베이스가 응답하지 않음";
    title_broken: "This went wrong on our side" | "내부 오류";

    detail_unknown: "This dashboard is open only to people whom the application knows."
        | "이 대시보드는 애플리케이션이 확인한 사용자만 볼 수 있습니다.";
    detail_forbidden: "You are signed in, but may not use this dashboard. Ask whoever runs it."
        | "로그인되어 있지만 이 대시보드를 사용할 권한이 없습니다. 운영자에게 문의하세요.";
    detail_not_found: "What stood here may have been deleted or pruned, or you may not see it."
        | "삭제되었거나 정리되었거나, 볼 수 있는 권한이 없습니다.";
    detail_changed: "It has changed since you saw it. Look at it again, and then change it."
        | "확인한 뒤에 변경되었습니다. 다시 확인한 다음 변경하세요.";
    detail_login: "It could not be found out who you are, so nobody is let in. Try again in a moment."
        | "사용자를 확인할 수 없어 접근을 막았습니다. 잠시 후 다시 시도하세요.";
    detail_unavailable: "Jobs go on running if their nodes reach it. Reload in a moment."
        | "노드가 데이터베이스에 연결되어 있다면 작업은 계속 실행됩니다. 잠시 후 새로 고침하세요.";
    detail_broken: "Nothing was changed by this request. The server's log has the particulars."
        | "이 요청으로 변경된 것은 없습니다. 자세한 내용은 서버 로그에 있습니다.";
}

impl Text {
    pub(crate) fn refusal_title(self, refusal: &Refusal) -> Said {
        match refusal {
            Refusal::Unknown => self.title_unknown(),
            Refusal::Forbidden | Refusal::Denied(_) => self.title_forbidden(),
            Refusal::NotFound => self.title_not_found(),
            Refusal::Invalid(_) => self.title_invalid(),
            Refusal::Conflict(_) | Refusal::Changed => self.title_conflict(),
            Refusal::NobodyKnown | Refusal::Unavailable => self.title_unavailable(),
            Refusal::Broken => self.title_broken(),
        }
    }

    pub(crate) fn refusal_detail(self, refusal: &Refusal) -> Said {
        match refusal {
            Refusal::Unknown => self.detail_unknown(),
            Refusal::Forbidden => self.detail_forbidden(),
            Refusal::Denied(denied) => self.denied(*denied),
            Refusal::NotFound => self.detail_not_found(),
            Refusal::Invalid(why) | Refusal::Conflict(why) => why.clone().into(),
            Refusal::Changed => self.detail_changed(),
            Refusal::NobodyKnown => self.detail_login(),
            Refusal::Unavailable => self.detail_unavailable(),
            Refusal::Broken => self.detail_broken(),
        }
    }

    /// Why somebody may not do something: beside a button, and as an answer.
    pub(crate) fn denied(self, denied: Denied) -> Said {
        match denied {
            Denied::Missing(permission) => self.needs_permission(permission.as_str()),
            Denied::ReadOnly(ReadOnly::Process) => self.read_only_process(),
            Denied::ReadOnly(ReadOnly::Database) => self.read_only_database(),
            Denied::ReadOnly(ReadOnly::Queue) => self.read_only_queue(),
        }
    }
}
