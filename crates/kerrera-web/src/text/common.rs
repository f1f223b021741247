//! The frame around every page, and words that stand on several.

use super::texts;

texts! {
    brand: "Kerrera" | "Kerrera";
    skip_to_content: "Skip to content" | "본문으로 건너뛰기";
    navigation: "Main" | "주 메뉴";
    more: "More" | "더 보기";

    overview: "Overview" | "개요";
    jobs: "Jobs" | "작업";
    errors: "Errors" | "오류";
    queues: "Queues" | "큐";
    workers: "Workers" | "워커";
    nodes: "Nodes" | "노드";
    crons: "Crons" | "크론";
    operations: "Operations" | "일괄 작업";
    audit: "Audit" | "감사 기록";
    settings: "Settings" | "설정";

    job: "Job" | "작업";
    queue: "Queue" | "큐";
    worker: "Worker" | "워커";
    node: "Node" | "노드";
    state: "State" | "상태";
    attempt: "Attempt" | "시도";
    priority: "Priority" | "우선순위";
    tags: "Tags" | "태그";
    name: "Name" | "이름";
    time: "Time" | "시각";
    reason: "Reason" | "사유";
    actions: "Actions" | "동작";

    close: "Close" | "닫기";
    cancel: "Cancel" | "취소";
    retry: "Retry" | "재시도";
    delete: "Delete" | "삭제";
    pause: "Pause" | "일시 정지";
    resume: "Resume" | "재개";
    save: "Save" | "저장";
    edit: "Edit" | "수정";
    copy: "Copy" | "복사";
    copied: "Copied" | "복사됨";
    back: "Back" | "뒤로";
    next_page: "Next" | "다음";
    previous_page: "Previous" | "이전";
    none: "None" | "없음";
    unknown: "Unknown" | "알 수 없음";
    yes: "Yes" | "예";
    no: "No" | "아니요";

    live: "Live" | "실시간";
    updates_paused: "Paused" | "멈춤";
    reconnecting: "Reconnecting" | "다시 연결 중";
    refresh_off: "Off" | "끔";
    refresh_every(seconds: u32): "Every {seconds} s" | "{seconds}초마다";
    changes_waiting: "Something has changed. Show it" | "변경 사항이 있습니다. 보기";

    read_only_process: "Read-only: this dashboard was started so" | "읽기 전용: 이 대시보드는 읽기 전용으로 시작되었습니다";
    read_only_database: "Read-only: the database allows no writes" | "읽기 전용: 데이터베이스가 쓰기를 허용하지 않습니다";
    read_only_queue: "Read-only: nothing is changed in this queue" | "읽기 전용: 이 큐에서는 변경할 수 없습니다";
    needs_permission(permission: &str): "Needs the permission {permission}" | "{permission} 권한이 필요합니다";

    signed_in_as(name: &str): "Signed in as {name}" | "로그인: {name}";
    sign_out: "Sign out" | "로그아웃";

    selected(n: u64): one "{n} job selected" other "{n} jobs selected" | "작업 {n}개 선택됨";

    theme: "Theme" | "테마";
    theme_system: "As the system" | "시스템 설정";
    theme_light: "Light" | "밝게";
    theme_dark: "Dark" | "어둡게";
    language: "Language" | "언어";
    density: "Density" | "간격";
    density_comfortable: "Comfortable" | "넓게";
    density_compact: "Compact" | "좁게";
    zone: "Time zone" | "시간대";
    refresh: "Updates" | "새로 고침";
    shortcuts: "Keyboard shortcuts" | "키보드 단축키";
    shortcuts_hint: "Single keys such as j, k and / do things on pages." | "j, k, / 같은 단일 키로 페이지를 조작합니다.";
    settings_hint: "Kept in a cookie of this browser." | "이 브라우저의 쿠키에 저장됩니다.";
    zone_hint: "A name of the IANA database, such as Asia/Seoul." | "IANA 데이터베이스의 이름입니다. 예: Asia/Seoul";
}
