//! What is done to many jobs at once.

use kerrera::{BulkAction, BulkState, State};

use super::{Said, Text, texts};

texts! {
    operation_title(id: i64, what: &str): "Operation {id}: {what}" | "일괄 작업 {id}: {what}";
    operations_caption: "Operations on many jobs, with who wanted them and how far they are" | "일괄 작업과 요청자, 진행 상황";
    operation_what: "What" | "내용";
    operation_progress: "Progress" | "진행";
    operation_who: "Who" | "요청자";
    operation_when: "When" | "시각";
    no_operations: "Nothing has been done to many jobs" | "일괄 작업이 없습니다";
    no_operations_hint: "Select jobs in their list, or all that a filter has, and say what is to be done to them. Operations stay here for 90 days."
        | "작업 목록에서 작업을 선택하거나 조건에 맞는 작업 전체를 골라 일괄 작업을 시작하세요. 기록은 90일 동안 보관됩니다.";
    no_older_operations: "Nothing older" | "더 오래된 항목이 없습니다";
    newest: "Newest" | "최신 항목";
    nobody: "nobody in particular" | "알 수 없음";

    op_waiting: "waits" | "대기 중";
    op_running: "under way" | "진행 중";
    op_done: "done" | "완료";
    op_cancelled: "stopped" | "중지됨";
    op_failed: "failed" | "실패";

    op_cancel: "Cancel" | "취소";
    op_retry: "Retry" | "재시도";
    op_discard: "Give up" | "폐기";
    op_delete: "Delete" | "삭제";
    op_run_now: "Run now" | "지금 실행";

    op_done_count: "Done" | "처리";
    op_skipped: "Skipped" | "건너뜀";
    op_skipped_hint: "Their state did not allow it any more, or they had come to fit no longer." | "상태가 맞지 않거나 더 이상 조건에 맞지 않았습니다.";
    op_failed_count: "Failed" | "실패";
    op_failed_hint: "The database refused it." | "데이터베이스가 거부했습니다.";
    op_remaining: "Still to come" | "남은 작업";
    op_rate: "Jobs a second" | "초당 작업 수";
    op_meant: "Allowed it when it was started" | "시작 시 대상";
    op_uncounted: "not counted in time" | "제시간에 세지 못했습니다";
    op_which: "Which jobs" | "대상 작업";
    op_selected(n: u64): one "1 job that was selected" other "{n} jobs that were selected" | "선택한 작업 {n}개";
    op_unworded: "A query that no filter says, or that asks for what is private." | "필터로 나타낼 수 없거나 비공개 값을 찾는 조건입니다.";
    op_all: "All jobs" | "모든 작업";
    op_show_jobs: "Show what fits now" | "지금 맞는 작업 보기";
    op_up_to(id: &str): "up to number {id}: what was inserted later is not meant" | "번호 {id}까지: 이후에 추가된 작업은 제외";
    op_node: "Carried out by" | "수행 노드";
    op_asked: "Asked for" | "요청";
    op_started: "Begun" | "시작";
    op_ended: "Ended" | "종료";
    op_failures: "What failed" | "실패한 작업";
    op_failures_hint(n: u64): one "The first is kept, with why." other "The first {n} are kept, with why." | "처음 {n}개를 사유와 함께 보관합니다.";
    op_error: "It could not be carried out" | "수행할 수 없습니다";
    op_stuck: "It has been waiting: no node with an engine has begun with it. It begins as soon as one runs."
        | "엔진이 실행 중인 노드가 없어 기다리고 있습니다. 노드가 시작되면 바로 진행됩니다.";
    op_history: "In the audit log" | "감사 기록에서 보기";
    op_stop: "Stop" | "중지";
    op_stop_title(id: i64): "Stop operation {id}?" | "일괄 작업 {id} 중지";
    op_stop_consequence(done: &str): "It ends after the chunk that is under way. What was done stays done: {done} jobs so far."
        | "진행 중인 묶음을 끝낸 뒤 멈춥니다. 이미 처리된 작업은 그대로 남습니다: 현재 {done}개.";
    op_stopped: "It is stopped. What was done stays done." | "중지했습니다. 이미 처리된 작업은 그대로 남습니다.";
    op_begun: "It is begun. This page shows how far it is." | "시작했습니다. 진행 상황이 이 페이지에 표시됩니다.";
    op_has_ended: "It has ended" | "이미 끝났습니다";
    op_of(done: &str, total: &str): "{done} of {total}" | "{total}개 중 {done}개";

    bulk_choose: "What is to be done to them?" | "어떤 작업을 수행할까요?";
    bulk_nothing: "No job is selected" | "선택한 작업이 없습니다";
    bulk_nothing_hint: "Select jobs in their list, or say that all are meant that the filter has." | "작업 목록에서 작업을 선택하거나 조건에 맞는 작업 모두를 선택하세요.";
    bulk_too_many(most: &str): "More than {most} jobs were selected one by one. Use a filter instead." | "하나씩 선택할 수 있는 작업은 최대 {most}개입니다. 필터를 사용하세요.";
    bulk_to_jobs: "To the list of jobs" | "작업 목록으로";
    bulk_none: "None of them is in a state that allows it" | "이 동작이 가능한 상태의 작업이 없습니다";
    bulk_too_slow: "The jobs of this filter could not be counted in time. Name a state or a queue, so that fewer have to be read."
        | "제시간에 대상 작업을 세지 못했습니다. 상태나 큐를 지정해 범위를 줄이세요.";
    bulk_changed(now: &str): "By now it is {now} jobs. Look once more." | "현재 대상은 {now}개입니다. 다시 확인하세요.";
    bulk_become: "What becomes of them" | "처리 후";
    bulk_stays: "skipped" | "건너뜀";
    bulk_gone: "gone for good" | "영구 삭제";
    bulk_states_caption: "How many jobs, by their state, and what becomes of them" | "상태별 작업 수와 처리 후 상태";
    bulk_sample: "Some of them, the oldest" | "대상 예시 (오래된 순)";
    bulk_count: "How many jobs" | "작업 수 확인";
    bulk_count_hint(n: &str): "Type {n} to say that you mean it." | "계속하려면 {n} 을 입력하세요.";
    bulk_wrong_count(n: &str): "That is not how many there are: type {n}" | "작업 수가 다릅니다. {n} 을 입력하세요";
    bulk_reason_hint: "For those who look later; at most 500 characters." | "나중에 보는 사람을 위한 설명입니다. 최대 500자.";
    bulk_instead: "Instead:" | "다른 동작:";

    bulk_cancel_title(n: &str): "Cancel jobs: {n}" | "작업 취소: {n}개";
    bulk_retry_title(n: &str): "Retry jobs: {n}" | "작업 재시도: {n}개";
    bulk_discard_title(n: &str): "Give jobs up: {n}" | "작업 폐기: {n}개";
    bulk_delete_title(n: &str): "Delete jobs: {n}" | "작업 삭제: {n}개";
    bulk_run_now_title(n: &str): "Run jobs now: {n}" | "작업 지금 실행: {n}개";
    bulk_cancel_consequence: "They will not run; those that run are told to stop. A retry takes that back."
        | "실행되지 않으며, 실행 중인 작업에는 중단을 알립니다. 재시도로 되돌릴 수 있습니다.";
    bulk_retry_consequence: "They are available at once and run again, with the attempts that are left to them, or one more."
        | "바로 대기 상태가 되어 다시 실행됩니다. 남은 시도 횟수가 없으면 한 번 더 주어집니다.";
    bulk_discard_consequence: "They will not run, and count as failed for good. A retry takes that back."
        | "실행되지 않으며 최종 실패로 처리됩니다. 재시도로 되돌릴 수 있습니다.";
    bulk_delete_consequence: "The jobs and their history are gone for good. Nothing takes that back."
        | "작업과 이력이 영구히 삭제됩니다. 되돌릴 수 없습니다.";
    bulk_run_now_consequence: "They do not wait for their time any more, and run as soon as there is a slot."
        | "예정 시각을 기다리지 않고 빈 슬롯이 생기는 대로 실행됩니다.";

    skip_runs: "it is running" | "실행 중";
    skip_runs_delete: "it is running: cancel it first" | "실행 중: 먼저 취소하세요";
    skip_waits: "it is available already" | "이미 대기 중";
    skip_ended: "it has ended" | "이미 종료됨";
    skip_no_time: "it does not wait for a time" | "예정 시각을 기다리지 않음";
    skip_state: "its state does not allow it" | "상태가 허용하지 않음";
}

impl Text {
    /// What is done, as a verb.
    pub(crate) fn bulk_verb(self, action: BulkAction) -> Said {
        match action {
            BulkAction::Cancel => self.op_cancel(),
            BulkAction::Retry => self.op_retry(),
            BulkAction::Discard => self.op_discard(),
            BulkAction::Delete => self.op_delete(),
            BulkAction::RunNow => self.op_run_now(),
            other => other.as_str().into(),
        }
    }

    /// What is done, and to how many.
    pub(crate) fn bulk_title(self, action: BulkAction, n: &str) -> Said {
        match action {
            BulkAction::Cancel => self.bulk_cancel_title(n),
            BulkAction::Retry => self.bulk_retry_title(n),
            BulkAction::Discard => self.bulk_discard_title(n),
            BulkAction::Delete => self.bulk_delete_title(n),
            BulkAction::RunNow => self.bulk_run_now_title(n),
            other => other.as_str().into(),
        }
    }

    /// What will happen, in a sentence.
    pub(crate) fn bulk_consequence(self, action: BulkAction) -> Said {
        match action {
            BulkAction::Cancel => self.bulk_cancel_consequence(),
            BulkAction::Retry => self.bulk_retry_consequence(),
            BulkAction::Discard => self.bulk_discard_consequence(),
            BulkAction::Delete => self.bulk_delete_consequence(),
            BulkAction::RunNow => self.bulk_run_now_consequence(),
            _ => "".into(),
        }
    }

    /// Why a job in this state is skipped.
    pub(crate) fn bulk_skipped(self, action: BulkAction, state: State) -> Said {
        match state {
            _ if action == BulkAction::RunNow => self.skip_no_time(),
            State::Executing if action == BulkAction::Delete => self.skip_runs_delete(),
            State::Executing => self.skip_runs(),
            State::Available => self.skip_waits(),
            State::Completed | State::Cancelled | State::Discarded => self.skip_ended(),
            _ => self.skip_state(),
        }
    }

    /// Where an operation is in its life.
    pub(crate) fn bulk_state(self, state: BulkState) -> Said {
        match state {
            BulkState::Waiting => self.op_waiting(),
            BulkState::Running => self.op_running(),
            BulkState::Done => self.op_done(),
            BulkState::Cancelled => self.op_cancelled(),
            BulkState::Failed => self.op_failed(),
            other => other.as_str().into(),
        }
    }
}
