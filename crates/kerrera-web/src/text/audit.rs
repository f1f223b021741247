//! Who did what.

use kerrera::audit::{AuditOutcome, Via};

use super::{Said, Text, texts};

texts! {
    audit_caption: "Who did what, when, to what, and what came of it" | "누가 언제 무엇을 했는지와 그 결과";
    audit_when: "When" | "시각";
    audit_who: "Who" | "누가";
    audit_what: "What" | "동작";
    audit_target: "To what" | "대상";
    audit_outcome: "Outcome" | "결과";
    audit_why: "Why" | "사유";
    audit_none: "Nobody has done anything yet" | "아직 기록이 없습니다";
    audit_none_hint: "What people do to jobs, queues, cron entries and operations is written down here, also what they were refused."
        | "작업, 큐, 크론, 일괄 작업에 대해 사람이 한 일과 거부된 일이 여기에 기록됩니다.";
    audit_none_fit: "No entry fits" | "조건에 맞는 기록이 없습니다";
    audit_none_fit_hint: "Leave a condition out, or look at all entries." | "조건을 빼거나 모든 기록을 확인하세요.";
    audit_none_here: "Nothing that you may know of on this page" | "이 페이지에는 볼 수 있는 기록이 없습니다";
    audit_all: "All entries" | "모든 기록";
    audit_filter: "Show" | "조회";
    audit_actor: "Who (id)" | "사용자 ID";
    audit_action: "Action" | "동작";
    audit_sort: "Sort of thing" | "대상 종류";
    audit_name: "Its name or number" | "이름 또는 번호";
    audit_job: "Job number" | "작업 번호";
    audit_since: "Since" | "이후";
    audit_until: "Before" | "이전";
    audit_any: "any" | "전체";
    audit_csv: "CSV" | "CSV";
    audit_ndjson: "NDJSON" | "NDJSON";
    audit_export_hint: "The entries that fit, at most 100,000, without what is private; that you took them is written down."
        | "조건에 맞는 기록을 최대 100,000개까지 내려받습니다. 비공개 값은 제외되며 내려받은 사실이 기록됩니다.";
    audit_wrong: "This cannot be asked. Numbers are whole, and times are a date and a time." | "조건을 읽을 수 없습니다. 번호는 정수, 시각은 날짜와 시각이어야 합니다.";
    audit_entry_title(id: i64): "Entry {id}" | "기록 {id}";
    audit_by_id: "Id" | "ID";
    audit_via: "By which way" | "경로";
    audit_address: "From the address" | "주소";
    audit_request: "Request" | "요청 ID";
    audit_instance: "Instance" | "인스턴스";
    audit_count: "How many were changed" | "변경된 수";
    audit_jobs: "Jobs" | "작업";
    audit_more_jobs(n: &str): "and {n} more" | "외 {n}개";
    audit_before: "Before" | "변경 전";
    audit_after: "After" | "변경 후";
    audit_error: "Why not" | "거부 또는 실패 사유";
    audit_of_target: "Everything about it" | "이 대상의 모든 기록";
    audit_of_actor: "Everything by them" | "이 사용자의 모든 기록";
    audit_every: "all" | "전체";

    via_html: "a page" | "페이지";
    via_api: "the API" | "API";
    via_cli: "the command line" | "명령줄";
    via_operation: "an operation" | "일괄 작업";
    via_code: "code" | "코드";

    outcome_done: "done" | "완료";
    outcome_refused: "refused" | "거부됨";
    outcome_failed: "failed" | "실패";

    sort_job: "job" | "작업";
    sort_queue: "queue" | "큐";
    sort_cron: "cron entry" | "크론";
    sort_operation: "operation" | "일괄 작업";
    sort_address: "address" | "주소";
    sort_audit: "audit log" | "감사 기록";

    did_job_insert: "inserted" | "추가";
    did_job_cancel: "cancelled" | "취소";
    did_job_retry: "retried" | "재시도";
    did_job_discard: "gave up" | "폐기";
    did_job_delete: "deleted" | "삭제";
    did_job_update: "changed" | "변경";
    did_job_reveal: "looked at what is private" | "비공개 값 조회";
    did_queue_pause: "paused" | "일시 정지";
    did_queue_resume: "resumed" | "재개";
    did_queue_scale: "scaled" | "한도 변경";
    did_queue_start: "started" | "시작";
    did_queue_stop: "stopped" | "중지";
    did_queue_reset: "took orders back" | "지시 취소";
    did_cron_add: "added" | "추가";
    did_cron_remove: "removed" | "삭제";
    did_cron_run: "ran now" | "지금 실행";
    did_operation_start: "began" | "시작";
    did_operation_end: "came to its end" | "종료";
    did_audit_export: "took out as a file" | "파일로 내려받음";
}

impl Text {
    /// What somebody did, if this version knows a word for it.
    pub(crate) fn did(self, action: &str) -> Option<Said> {
        Some(match action {
            "job.insert" => self.did_job_insert(),
            "job.cancel" => self.did_job_cancel(),
            "job.retry" => self.did_job_retry(),
            "job.discard" => self.did_job_discard(),
            "job.delete" => self.did_job_delete(),
            "job.update" | "cron.edit" => self.did_job_update(),
            "job.reveal" => self.did_job_reveal(),
            "queue.pause" | "cron.pause" => self.did_queue_pause(),
            "queue.resume" | "cron.resume" => self.did_queue_resume(),
            "queue.scale" => self.did_queue_scale(),
            "queue.start" => self.did_queue_start(),
            "queue.stop" | "operation.cancel" => self.did_queue_stop(),
            "queue.reset" => self.did_queue_reset(),
            "cron.add" => self.did_cron_add(),
            "cron.remove" => self.did_cron_remove(),
            "cron.run" => self.did_cron_run(),
            "operation.start" => self.did_operation_start(),
            "operation.end" => self.did_operation_end(),
            "audit.export" => self.did_audit_export(),
            _ => return None,
        })
    }

    /// By which way something was done.
    pub(crate) fn via(self, via: Via) -> Said {
        match via {
            Via::Html => self.via_html(),
            Via::Api => self.via_api(),
            Via::Cli => self.via_cli(),
            Via::Operation => self.via_operation(),
            Via::Code => self.via_code(),
            other => other.as_str().into(),
        }
    }

    /// What came of it.
    pub(crate) fn outcome(self, outcome: AuditOutcome) -> Said {
        match outcome {
            AuditOutcome::Done => self.outcome_done(),
            AuditOutcome::Refused => self.outcome_refused(),
            AuditOutcome::Failed => self.outcome_failed(),
            other => other.as_str().into(),
        }
    }

    /// What sort of thing something was done to.
    pub(crate) fn sort(self, sort: &str) -> Said {
        match sort {
            "job" => self.sort_job(),
            "queue" => self.sort_queue(),
            "cron" => self.sort_cron(),
            "operation" => self.sort_operation(),
            "address" => self.sort_address(),
            "audit" => self.sort_audit(),
            other => other.to_owned().into(),
        }
    }
}
