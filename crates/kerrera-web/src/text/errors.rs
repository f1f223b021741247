//! Failures that are alike.

use super::texts;

texts! {
    errors_caption: "Failures that are alike, and how many there were" | "같은 종류의 실패와 횟수";
    errors_none: "Nothing has failed" | "실패한 작업이 없습니다";
    errors_none_hint: "Failures of the same worker that say the same are put together here, within ten seconds."
        | "같은 워커에서 같은 내용으로 실패한 작업이 10초 안에 여기에 모입니다.";
    errors_none_fit: "No failures fit" | "조건에 맞는 실패가 없습니다";
    errors_none_fit_hint: "Look further back, or ask for less." | "기간을 늘리거나 조건을 줄여 보세요.";
    errors_none_here: "None among those that were looked through so far" | "지금까지 찾아본 범위에는 없습니다";
    errors_search: "Part of the message or the worker" | "메시지나 워커 이름의 일부";
    errors_search_on: "Search on" | "계속 찾기";
    errors_broken_place: "This page of the list is none." | "목록에 없는 위치입니다.";
    errors_cut: "Only the most frequent ones are looked through. Ask for less, or order by time."
        | "가장 자주 일어난 실패만 찾아보았습니다. 조건을 줄이거나 시각 순으로 정렬하세요.";
    errors_first_page: "First page" | "첫 페이지";
    errors_order: "Order" | "정렬";
    errors_by_time: "Last seen" | "최근 발생 순";
    errors_by_count: "Most frequent" | "많이 발생한 순";
    window: "How far back" | "기간";
    window_hour: "Last hour" | "지난 1시간";
    window_day: "Last day" | "지난 1일";
    window_week: "Last week" | "지난 7일";
    error_said: "What failed" | "실패 내용";
    in_hour: "1 h" | "1시간";
    in_day: "24 h" | "24시간";
    in_week: "7 d" | "7일";
    in_all: "In all" | "전체";
    first_seen: "First seen" | "처음 발생";
    last_seen: "Last seen" | "최근 발생";
    last_job: "Last job" | "마지막 작업";
    error_title(worker: &str): "Error of {worker}" | "오류: {worker}";
    fingerprint: "Fingerprint" | "지문";
    error_counts: "How often" | "발생 횟수";
    failures_series: "Failures" | "실패";
    error_sample: "One of them" | "예시";
    error_no_sample: "No job that failed so is there any more." | "이렇게 실패한 작업이 더 이상 남아 있지 않습니다.";
    error_jobs: "Jobs whose last failure it is" | "마지막으로 이렇게 실패한 작업";
    error_jobs_none: "None of its jobs is to be tried again or was given up."
        | "재시도를 기다리거나 폐기된 작업이 없습니다.";
    error_jobs_part: "Not all jobs could be looked through in time." | "시간 안에 모든 작업을 찾아보지 못했습니다.";
    error_jobs_all: "All of them" | "모두 보기";
    retry_all_failed_so: "Retry all that failed so" | "이렇게 실패한 작업 모두 재시도";
    cancel_all_failed_so: "Cancel all that failed so" | "이렇게 실패한 작업 모두 취소";
    jobs_now: "Jobs now" | "현재 작업";
    met_on(node: &str, release: &str): "{node} ({release})" | "{node} ({release})";
    its_like: "Its like" | "같은 오류";
}
