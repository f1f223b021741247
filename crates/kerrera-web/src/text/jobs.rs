//! Jobs: the list, one job, and what is done to them.

use super::texts;

texts! {
    attempts: "Attempts" | "시도";
    no_attempts: "It has not been tried yet." | "아직 시도하지 않았습니다.";
    job_unworked: "No node works its queue, so it does not run." | "이 큐를 처리하는 노드가 없어 실행되지 않습니다.";
    job_paused: "Its queue is paused, so it does not run." | "큐가 일시 정지되어 실행되지 않습니다.";
    job_unknown_worker: "No node that works its queue has its worker, so it does not run."
        | "이 큐를 처리하는 노드에 이 워커가 등록되어 있지 않아 실행되지 않습니다.";
    job_lost: "The node that claimed it is not there any more. The job is freed as soon as that is known to be dead."
        | "이 작업을 가져간 노드가 더 이상 없습니다. 종료가 확인되면 작업이 자동으로 회수됩니다.";
    attempt_number(number: i32, most: i32): "Attempt {number} of {most}" | "시도 {number}/{most}";
    attempt_runs: "runs" | "실행 중";
    attempt_failed: "failed" | "실패";
    attempt_done: "done" | "성공";
    earlier_attempts(n: u64): one "1 earlier attempt left no error: it was snoozed, released or rescued."
        other "{n} earlier attempts left no error: they were snoozed, released or rescued."
        | "오류를 남기지 않은 이전 시도 {n}회: 스누즈, 반환 또는 회수되었습니다.";
    ran_on(node: &str): "on {node}" | "노드: {node}";
    took(span: &str): "took {span}" | "소요 {span}";
    whole_error: "Whole text" | "전체 내용";

    args: "Args" | "인자";
    meta: "Meta" | "메타";
    result: "Result" | "결과";
    some_hidden: "Some of it is private, and hidden." | "일부 비공개 값이 가려져 있습니다.";
    reveal: "Show what is hidden" | "가려진 값 보기";
    reveal_consequence: "Shows it once, on a page of its own. It is written down that you looked."
        | "별도 페이지에서 한 번 보여 줍니다. 열람 사실이 기록됩니다.";
    revealed_title(id: i64): "Job {id}, with what is private" | "작업 {id}, 비공개 값 포함";
    revealed_notice: "That you looked is written down. Close this page when you are done."
        | "열람이 기록되었습니다. 확인이 끝나면 이 페이지를 닫으세요.";

    show_whole: "Show all of it" | "전체 보기";
    snoozed_times(n: u64): one "Snoozed once." other "Snoozed {n} times." | "스누즈 {n}회";
    rescued_times(n: u64): one "Rescued once from a node that died." other "Rescued {n} times from nodes that died."
        | "죽은 노드에서 회수 {n}회";
    related: "Related" | "관련 작업";
    related_cron(name: &str): "Jobs of the cron entry {name}" | "크론 항목의 작업: {name}";
    related_args: "Jobs of this worker with these args" | "같은 워커, 같은 인자의 작업";
    related_meta(key: &str): "Jobs with the same {key}" | "같은 값의 작업: {key}";
    job_history: "What people did to it" | "사람이 한 일";

    facts: "Facts" | "정보";
    inserted: "Inserted" | "등록";
    due: "May run" | "실행 가능";
    attempted: "Last started" | "최근 시작";
    completed_at: "Completed" | "완료 시각";
    cancelled_at: "Cancelled" | "취소 시각";
    discarded_at: "Discarded" | "폐기 시각";
    progress: "Progress" | "진행률";
    cron_entry: "Cron entry" | "크론 항목";
    other_systems: "Elsewhere" | "외부 링크";
    recent_runs: "Newest jobs of this worker" | "이 워커의 최근 작업";
    recent_summary(done: usize, failed: usize, all: usize):
        "{done} done and {failed} failed of the newest {all}" | "최근 {all}개 중 완료 {done}개, 실패 {failed}개";
    all_of_worker: "All jobs of this worker" | "이 워커의 모든 작업";
    waited(span: &str): "waited {span}" | "대기 {span}";
    ran(span: &str): "ran {span}" | "실행 {span}";
    life: "Life of the job" | "작업 진행";

    run_now: "Run now" | "지금 실행";
    snooze: "Put off" | "미루기";
    duplicate: "Duplicate" | "복제";
    retry_consequence: "It becomes available at once; used-up attempts get one more."
        | "즉시 대기 상태가 됩니다. 시도 횟수를 모두 썼다면 한 번 더 주어집니다.";
    run_consequence: "It becomes available at once instead of at its time."
        | "예약 시각을 기다리지 않고 즉시 대기 상태가 됩니다.";
    cancel_consequence: "It ends for good, and what runs is told to stop."
        | "작업이 종료되며, 실행 중이면 중지 신호를 보냅니다.";
    discard: "Give up" | "폐기";
    discard_title(id: i64): "Give up job {id}?" | "작업 {id} 폐기";
    discard_consequence: "It will not run, and counts as failed for good. A retry takes that back."
        | "실행되지 않으며 실패로 기록됩니다. 재시도로 되돌릴 수 있습니다.";
    done_discarded: "The job is given up." | "작업이 폐기되었습니다.";
    delete_consequence: "The job and its history are gone for good."
        | "작업과 그 기록이 완전히 삭제됩니다.";
    delete_title(id: i64): "Delete job {id}?" | "작업 {id} 삭제";
    cancel_title(id: i64): "Cancel job {id}?" | "작업 {id} 취소";
    snooze_title(id: i64): "Put job {id} off" | "작업 {id} 미루기";
    snooze_for: "For how many minutes" | "미룰 시간(분)";
    snooze_wrong: "Give a number of minutes from 1 to 525600" | "1에서 525600 사이의 분을 입력하세요";
    snooze_consequence: "It waits at least that long from now." | "지금부터 적어도 이 시간만큼 기다립니다.";
    not_now(state: &str): "Not while it is {state}" | "현재 상태에서는 할 수 없습니다: {state}";

    done_cancelled: "The job is cancelled." | "작업이 취소되었습니다.";
    done_retried: "The job is available." | "작업이 대기 상태가 되었습니다.";
    done_snoozed: "The job is put off." | "작업이 미뤄졌습니다.";
    done_deleted: "The job is deleted." | "작업이 삭제되었습니다.";
}
