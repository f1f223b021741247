//! The list of jobs, its filter, and what the filter means.

use super::texts;

texts! {
    filter: "Filter" | "필터";
    filter_placeholder: "state:retryable queue:mail worker:Send*" | "state:retryable queue:mail worker:Send*";
    filter_help: "As in state:retryable, worker:Send*, args.user.id:7, finished:>-1h; a minus in front means not."
        | "예: state:retryable, worker:Send*, args.user.id:7, finished:>-1h. 앞의 빼기표는 제외를 뜻합니다.";
    filter_apply: "Filter" | "적용";
    filter_clear: "All jobs" | "모든 작업";
    filter_meaning: "Jobs of which all of this holds" | "다음 조건을 모두 만족하는 작업";
    filter_remove(term: &str): "Without {term}" | "조건 빼기: {term}";
    filter_wrong: "The filter cannot be read" | "필터를 읽을 수 없습니다";
    filter_suggestions: "Suggestions" | "제안";
    filter_private(what: &str): "{what} is private: nobody can look for jobs by it."
        | "비공개 값이므로 검색할 수 없습니다: {what}";
    filter_revealing(needs: &str): "Errors may repeat what is private, so looking for jobs by their text needs {needs}. A group of errors can be named by error.fp: instead."
        | "오류 내용에는 비공개 값이 들어 있을 수 있어 내용으로 검색하려면 권한이 필요합니다: {needs}. 대신 error.fp: 로 오류 그룹을 지정할 수 있습니다.";
    filter_unknown(written: &str): "There is no {written} to filter by." | "필터 항목이 없습니다: {written}";
    filter_nearest(nearest: &str): "Did you mean {nearest}?" | "혹시 {nearest} 인가요?";
    filter_alone(written: &str): "{written} stands alone: say what it is, as in worker:{written}."
        | "항목 이름이 없습니다. 예: worker:{written}";
    filter_unclosed: "The text in quotes has no end: close it with \"." | "따옴표가 닫히지 않았습니다.";
    filter_too_long: "It is too long, or has too many terms." | "필터가 너무 길거나 조건이 너무 많습니다.";
    filter_value(what: &str, written: &str): "{what} cannot be {written}." | "{what}에 쓸 수 없는 값: {written}";
    filter_expected(expected: &str): "It is {expected}." | "가능한 값: {expected}";
    filter_unprintable: "There is a character that no text of a job has." | "작업에 쓸 수 없는 문자가 있습니다.";

    means_is(what: &str, values: &str): "{what} is {values}" | "{what}: {values}";
    means_is_not(what: &str, values: &str): "{what} is not {values}" | "{what}: {values} 제외";
    means_or: " or " | " 또는 ";
    means_begins(text: &str): "what begins with {text}" | "앞부분 {text}";
    means_anything: "there" | "값 있음";
    means_less(value: &str): "less than {value}" | "{value} 미만";
    means_at_most(value: &str): "at most {value}" | "{value} 이하";
    means_more(value: &str): "more than {value}" | "{value} 초과";
    means_at_least(value: &str): "at least {value}" | "{value} 이상";
    means_between(low: &str, high: &str): "from {low} to {high}" | "{low} ~ {high}";
    means_since(time: &str): "since {time}" | "{time} 이후";
    means_before(time: &str): "before {time}" | "{time} 이전";
    means_in(since: &str, before: &str): "from {since} until {before}" | "{since} ~ {before}";
    subject_number: "Number" | "번호";
    subject_tag: "A tag" | "태그";
    subject_error_type: "The newest error's type" | "최근 오류 종류";
    subject_error: "What the newest error says" | "최근 오류 내용";
    subject_trace: "The trace" | "추적";
    subject_fingerprint: "The newest error's fingerprint" | "최근 오류 지문";
    subject_inserted: "Inserted" | "등록";
    subject_scheduled: "May run" | "실행 가능";
    subject_attempted: "Last started" | "최근 시작";
    subject_finished: "Ended" | "종료";
    subject_duration: "How long it ran" | "실행 시간";
    subject_wait: "How long it waited" | "대기 시간";
    subject_job: "The job" | "작업";
    mark_orphaned: "orphaned: it runs on no node that lives" | "고아: 살아 있는 노드에서 실행되지 않음";
    mark_snoozed: "snoozed at least once" | "한 번 이상 스누즈됨";
    mark_stuck: "running for longer than its worker allows" | "워커의 제한 시간을 넘겨 실행 중";
    mark_unregistered: "of a worker that no node has registered" | "등록한 노드가 없는 워커의 작업";
    mark_rescued: "rescued from a node that died" | "죽은 노드에서 회수됨";

    list_order: "Order" | "정렬";
    order_fitting: "Next or latest first" | "다음 차례 또는 최신순";
    order_newest: "Newest first" | "최신순";
    order_oldest: "Oldest first" | "오래된 순";

    jobs_caption: "Jobs, with their state, queue, attempts and time" | "작업의 상태, 큐, 시도, 시각";
    jobs_when: "When" | "시각";
    select_job(id: i64, worker: &str): "Select job {id}, {worker}" | "작업 선택: {id}, {worker}";
    select_all: "All that the filter has" | "조건에 맞는 작업 모두";
    select_column: "Selected" | "선택";
    new_job: "New job" | "새 작업";
    jobs_uncounted: "Too many to count in time" | "제시간에 세지 못했습니다";
    jobs_none: "There are no jobs yet" | "아직 작업이 없습니다";
    jobs_none_hint: "Jobs show up here as soon as the application inserts them."
        | "애플리케이션이 작업을 등록하면 여기에 표시됩니다.";
    jobs_none_fit: "No job fits the filter" | "조건에 맞는 작업이 없습니다";
    jobs_none_fit_hint: "Take a term away, or look at all jobs." | "조건을 빼거나 모든 작업을 확인하세요.";
    jobs_none_here: "Nothing found up to here" | "여기까지는 찾지 못했습니다";
    jobs_searched(n: u64, back_to: &str): one "Searched 1 job, back to {back_to}: there may be more."
        other "Searched {n} jobs, as far as {back_to}: there may be more."
        | "작업 {n}개를 {back_to}까지 검색했습니다. 더 있을 수 있습니다.";
    first_page_of_list: "First" | "처음";
    jobs_search_on: "Search on" | "계속 검색";
    jobs_too_slow: "This filter took too long. Name a state or a queue, so that fewer jobs have to be read."
        | "검색이 너무 오래 걸렸습니다. 상태나 큐를 지정해 범위를 줄이세요.";
    jobs_broken_place: "This page of the list is not there. Begin at the first."
        | "이 목록 페이지는 없습니다. 처음부터 보세요.";
    more_bytes(bytes: &str): "{bytes} bytes" | "{bytes}바이트";
}
