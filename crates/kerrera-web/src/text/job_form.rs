//! Writing jobs: new ones, copies, and changes.

use super::texts;

texts! {
    new_job_title: "New job" | "새 작업";
    copy_job_title(id: i64): "New job like {id}" | "작업 복제: {id}";
    new_job_consequence: "It is inserted as if the application had done it, and that you did is written down."
        | "애플리케이션이 등록한 것처럼 등록되며, 등록한 사람이 기록됩니다.";
    copy_hidden: "Values that are hidden are copied as they are, if they stay where they are and the worker stays the same."
        | "가려진 값은 위치와 워커가 같으면 그대로 복제됩니다.";
    edit_job_title(id: i64): "Edit job {id}" | "작업 수정: {id}";
    edit_job_consequence: "The next attempt gets what is written here. A running one keeps what it was given."
        | "다음 시도부터 적용됩니다. 실행 중인 시도에는 적용되지 않습니다.";
    edit_no_args: "Its worker, args and meta cannot be changed here: whoever mounted the dashboard did not allow it. Insert a copy with other args instead."
        | "워커, 인자, 메타는 여기서 바꿀 수 없습니다. 대시보드 설정에서 허용되지 않았습니다. 필요하면 복제해서 등록하세요.";
    edit_hidden: "Values that are hidden stay as they are." | "가려진 값은 그대로 유지됩니다.";
    insert: "Insert" | "등록";
    try_it: "Try it" | "미리 확인";
    review: "Review the changes" | "변경 내용 확인";
    change_it: "Change it" | "변경";
    go_on_editing: "Go on editing" | "계속 수정";
    max_attempts_label: "Attempts" | "최대 시도";
    tags_hint: "With commas between them." | "쉼표로 구분합니다.";
    json_hint: "A JSON object." | "JSON 객체입니다.";
    if_empty(value: &str): "If left empty: {value}." | "비워 두면: {value}";
    priority_hint: "0 is claimed first, 9 last." | "0이 가장 먼저, 9가 가장 나중입니다.";
    worker_hint: "One that is known here." | "여기에서 알려진 워커만 가능합니다.";
    runs_when: "When it may run" | "실행 시점";
    when_kept: "As it is" | "그대로";
    when_now: "At once" | "즉시";
    when_in: "In so many minutes" | "지정한 분 뒤";
    when_at: "At a time" | "지정한 시각";
    minutes: "Minutes" | "분";
    at_time: "Time" | "시각";
    wrong_minutes: "Give a number of minutes from 1 to 525600" | "1에서 525600 사이의 분을 입력하세요";
    wrong_time: "Give a date and a time" | "날짜와 시각을 입력하세요";
    only_unique: "Only if no equal job waits or runs" | "같은 작업이 대기 또는 실행 중이면 등록하지 않음";
    trial: "What would happen" | "예상 결과";
    trial_fits: "It can be inserted." | "등록할 수 있습니다.";
    trial_like: "Jobs with these args wait or run already:" | "같은 인자의 작업이 이미 대기 또는 실행 중입니다:";
    trial_unworked: "No node works its queue: it will wait." | "이 큐를 처리하는 노드가 없어 대기하게 됩니다.";
    trial_paused: "Its queue is paused: it will wait." | "큐가 일시 정지되어 대기하게 됩니다.";
    field: "Field" | "항목";
    was: "Was" | "변경 전";
    becomes: "Becomes" | "변경 후";
    diff_caption: "What will be changed" | "변경될 내용";
    nothing_changed: "Nothing is changed yet." | "변경된 내용이 없습니다.";
    wrong_fields: "Something is not right yet" | "입력을 확인하세요";
    done_inserted: "The job is inserted." | "작업이 등록되었습니다.";
    done_exists: "An equal job waits or runs: this one. Nothing was inserted."
        | "같은 작업이 이미 대기 또는 실행 중입니다. 등록하지 않았습니다.";
    done_changed: "The job is changed." | "작업이 변경되었습니다.";
}
