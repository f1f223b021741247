//! The crontab.

use kerrera_core::cron::CronProblem;

use super::{Said, Text, texts};

texts! {
    cron: "Cron entry" | "크론 항목";
    crons_caption: "Cron entries, and when they come next" | "크론 항목과 다음 실행";
    no_crons: "There is no cron entry" | "크론 항목이 없습니다";
    no_crons_hint: "A program that has entries writes them when it starts. Others can be added here."
        | "항목이 있는 프로그램이 시작할 때 기록합니다. 여기에서 직접 추가할 수도 있습니다.";
    nobody_fires: "No node that works queues is alive. Only running nodes fire entries."
        | "큐를 처리하는 노드가 없습니다. 크론 항목은 실행 중인 노드만 실행합니다.";
    missed_some(n: u64): one "{n} entry was not fired when its time came: no running node has it."
        other "{n} entries were not fired when their time came: no running node has them."
        | "크론 항목 {n}개가 제때 실행되지 않았습니다. 해당 항목을 가진 노드가 실행 중이 아닙니다.";
    missed_at(time: &str): "not fired at {time}: no running node has it" | "{time}에 실행되지 않음: 이 항목을 가진 노드가 없습니다";
    schedule_header: "Schedule" | "일정";
    next_run: "Next run" | "다음 실행";
    last_run: "Last run" | "최근 실행";
    next_run_off: "off" | "꺼짐";
    cron_paused: "paused" | "일시 정지됨";
    cron_added: "added here" | "직접 추가됨";
    cron_added_hint: "No program brings it: every node fires it until somebody removes it"
        | "프로그램에 없는 항목입니다. 제거할 때까지 모든 노드가 실행합니다";
    cron_queue_paused: "its queue is paused" | "대상 큐가 일시 정지됨";
    cron_queue_unworked: "no node works its queue" | "대상 큐를 처리하는 노드 없음";
    cron_unreadable: "This version cannot read it" | "이 버전에서 읽을 수 없습니다";
    run_now_consequence: "Its job is inserted at once, paused or not. It takes the place of none of its times."
        | "일시 정지 여부와 관계없이 작업을 바로 추가합니다. 예정된 실행을 대신하지 않습니다.";
    pause_cron_consequence: "Its times pass without a job until it is resumed. Deploys do not change that."
        | "재개할 때까지 작업을 추가하지 않습니다. 배포해도 유지됩니다.";
    resume_cron_consequence: "It goes on with its next time. What it missed is not made up for."
        | "다음 시각부터 계속합니다. 놓친 실행은 보충하지 않습니다.";
    remove: "Remove" | "제거";
    remove_cron_title(name: &str): "Remove {name}" | "제거: {name}";
    remove_cron_consequence: "The entry and the history of its times are removed. Its jobs stay. A program that has the entry writes it again at its next start."
        | "항목과 실행 기록이 제거됩니다. 작업은 남습니다. 이 항목이 있는 프로그램은 다음 시작 때 다시 기록합니다.";
    remove_added_consequence: "The entry and the history of its times are removed, and no node fires it any more. Its jobs stay."
        | "항목과 실행 기록이 제거되고 더 이상 실행되지 않습니다. 작업은 남습니다.";
    next_runs: "Next runs" | "다음 실행";
    no_next_runs: "It has no times of the clock" | "정해진 시각이 없습니다";
    in_your_zone(zone: &str): "In your zone, {zone}" | "내 시간대: {zone}";
    in_entry_zone(zone: &str): "In the entry's zone, {zone}" | "항목의 시간대: {zone}";
    clock_forward(at: &str, from: &str, to: &str): "On {at} the clock there goes from {from} to {to}: times between do not come that day."
        | "{at}에 시계가 {from}에서 {to}로 앞당겨집니다. 그 사이의 실행은 그날 없습니다.";
    clock_back(at: &str, from: &str, to: &str): "On {at} the clock there goes from {from} back to {to}: times between come twice."
        | "{at}에 시계가 {from}에서 {to}로 되돌아갑니다. 그 사이의 실행은 두 번 있습니다.";
    history: "History" | "실행 기록";
    no_history: "It has not been fired yet" | "아직 실행된 적이 없습니다";
    no_history_hint: "The times of the last day are kept, and the last hundred." | "지난 하루의 기록과 최근 100개를 보관합니다.";
    slot: "Time" | "예정 시각";
    fired_after: "Late by" | "지연";
    overlapped: "left out: the job before had not ended" | "생략됨: 이전 작업이 끝나지 않음";
    job_gone: "removed" | "삭제됨";
    expression: "Expression" | "표현식";
    expression_hint: "Minute, hour, day, month, weekday, as in 0 7 * * MON-FRI. Day and weekday must both match."
        | "분, 시, 일, 월, 요일 순서입니다. 예: 0 7 * * MON-FRI. 일과 요일이 모두 맞아야 합니다.";
    cron_zone_hint: "Where the clock hangs: a name of the IANA database, such as Asia/Seoul." | "기준 시간대입니다. IANA 이름을 쓰세요. 예: Asia/Seoul";
    misfire: "Missed times" | "놓친 실행";
    misfire_skip: "leave them out" | "건너뜀";
    misfire_once: "make up for the newest" | "가장 최근 것만 보충";
    misfire_all: "make up for all, up to a number" | "지정한 수까지 모두 보충";
    misfire_all_of(most: u32): "make up for up to {most}" | "최대 {most}개 보충";
    misfire_most: "At most" | "최대";
    overlap: "While the job before has not ended" | "이전 작업이 끝나지 않았을 때";
    overlap_allow: "insert the next all the same" | "그대로 추가";
    overlap_skip: "leave the time out" | "건너뜀";
    new_cron: "New entry" | "새 항목";
    new_cron_consequence: "Every node fires it, those too that start later, until somebody removes it."
        | "제거할 때까지 나중에 시작하는 노드를 포함한 모든 노드가 실행합니다.";
    edit_cron_title(name: &str): "Edit {name}" | "수정: {name}";
    edit_cron_consequence: "It stays so through deploys, until the program's own entry is changed. With other times its schedule begins anew."
        | "프로그램의 항목이 바뀔 때까지 배포 후에도 유지됩니다. 시각을 바꾸면 일정이 새로 시작됩니다.";
    add: "Add" | "추가";
    preview: "Show next runs" | "다음 실행 미리 보기";
    args_hint: "A JSON object." | "JSON 객체입니다.";
    max_attempts: "Most attempts" | "최대 시도 횟수";
    cron_name_hint: "1 to 127 characters; no two entries have one name." | "1~127자. 이름은 겹칠 수 없습니다.";
    updated: "Last written" | "마지막 변경";
    brought_by_program: "brought by a program" | "프로그램에서 제공";
    origin: "Origin" | "출처";
    older: "Older" | "이전 기록";

    cron_too_long(bytes: usize, most: usize): "It is {bytes} bytes long: it may have {most}."
        | "{bytes}바이트입니다. 최대 {most}바이트까지 쓸 수 있습니다.";
    cron_nickname: "That is no nickname: there are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly and @reboot."
        | "알 수 없는 별칭입니다. 쓸 수 있는 별칭: @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, @reboot";
    cron_fields: "It needs five fields: minute, hour, day, month and weekday, as in 0 7 * * MON-FRI."
        | "분, 시, 일, 월, 요일의 다섯 항목이 필요합니다. 예: 0 7 * * MON-FRI";
    cron_not_understood(field: &str, written: &str): "The {field} “{written}” is not understood."
        | "{field} 항목을 읽을 수 없습니다: “{written}”";
    cron_out_of_range(field: &str, written: &str, first: u32, last: u32):
        "The {field} {written} is out of range: it goes from {first} to {last}."
        | "{field} 항목의 범위를 벗어났습니다: {written}. {first}~{last}만 쓸 수 있습니다.";
    cron_backwards(field: &str, written: &str):
        "The {field} {written} begins after its end: write the smaller one first, or two parts with a comma."
        | "{field} 항목의 범위가 거꾸로입니다: {written}. 작은 값을 먼저 쓰거나 쉼표로 나누세요.";
    cron_step(field: &str, written: &str, most: u32):
        "The step “{written}” of the {field} is out of range: it goes from 1 to {most}."
        | "{field} 항목의 간격을 쓸 수 없습니다: “{written}”. 1~{most}만 쓸 수 있습니다.";
    cron_never(months: &str, days: &str): "It never comes: no month of {months} has a day {days}."
        | "실행될 날이 없습니다. 월 {months}, 일 {days}";
    cron_minute: "minute" | "분";
    cron_hour: "hour" | "시";
    cron_day: "day" | "일";
    cron_month: "month" | "월";
    cron_weekday: "weekday" | "요일";

    done_ran: "Its job is inserted." | "작업을 추가했습니다.";
    done_ran_same: "An equal job was there already, so none was inserted." | "같은 작업이 이미 있어 추가하지 않았습니다.";
    done_cron_paused: "Paused. Its times pass without a job." | "일시 정지했습니다. 작업을 추가하지 않습니다.";
    done_cron_resumed: "Resumed. It goes on with its next time." | "재개했습니다. 다음 시각부터 계속합니다.";
    done_cron_edited: "Changed." | "수정했습니다.";
    done_cron_added: "Added." | "추가했습니다.";
    done_cron_removed: "Removed." | "제거했습니다.";
}

impl Text {
    /// What is wrong with a cron expression.
    pub(crate) fn cron_problem(self, problem: &CronProblem) -> Said {
        let field = |name: &str| match name {
            "minute" => self.cron_minute(),
            "hour" => self.cron_hour(),
            "day" => self.cron_day(),
            "month" => self.cron_month(),
            _ => self.cron_weekday(),
        };
        match problem {
            CronProblem::TooLong { bytes, most } => self.cron_too_long(*bytes, *most),
            CronProblem::Nickname => self.cron_nickname(),
            CronProblem::Fields => self.cron_fields(),
            CronProblem::Unreadable { field: name, written } => {
                self.cron_not_understood(&field(name), &short(written))
            }
            CronProblem::OutOfRange { field: name, written, first, last } => {
                self.cron_out_of_range(&field(name), &short(written), *first, *last)
            }
            CronProblem::Backwards { field: name, written } => {
                self.cron_backwards(&field(name), &short(written))
            }
            CronProblem::Step { field: name, written, most } => {
                self.cron_step(&field(name), &short(written), *most)
            }
            CronProblem::Never { months, days } => self.cron_never(&short(months), &short(days)),
            // One of a newer version.
            other => other.to_string().into(),
        }
    }
}

/// Not all of what somebody pasted.
fn short(written: &str) -> String {
    written.chars().take(64).collect()
}
