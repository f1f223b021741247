//! Workers: which there are, and how they do.

use super::texts;

texts! {
    workers_caption: "Workers, and how they do" | "워커와 현황";
    workers_none: "No worker is known" | "알려진 워커가 없습니다";
    workers_none_hint: "A worker is here as soon as a node that has it starts, or a job for it is inserted."
        | "워커를 등록한 노드가 시작하거나 작업이 추가되면 여기에 나타납니다.";
    worker_waiting: "Waiting" | "대기";
    worker_running: "Running" | "실행 중";
    worker_runs: "Runs" | "실행 횟수";
    worker_failed: "Failed" | "실패";
    worker_half: "Half within" | "절반";
    worker_most: "95 % within" | "95%";
    worker_wait: "Half waited" | "대기 절반";
    worker_nodes: "Nodes" | "노드";
    worker_unregistered: "on no node" | "등록한 노드 없음";
    worker_undeclared: "never registered" | "등록된 적 없음";
    worker_unregistered_jobs(n: &str): "Jobs wait that no node can run: {n}. Start a node that registers this worker."
        | "실행할 수 있는 노드가 없는 작업: {n}개. 이 워커를 등록한 노드를 시작하세요.";
    workers_unregistered(n: u64): one "1 worker has jobs that no node can run."
        other "{n} workers have jobs that no node can run."
        | "실행할 수 있는 노드가 없는 작업이 있는 워커: {n}개.";
    worker_declaration: "As it is registered" | "등록 내용";
    worker_owner: "Owner" | "담당";
    worker_docs: "Documentation" | "문서";
    worker_attempts: "Attempts" | "최대 시도";
    worker_timeout: "Time limit of a run" | "실행 제한 시간";
    worker_no_timeout: "none" | "없음";
    worker_unique: "Unique" | "중복 방지";
    worker_sensitive: "Private in its args" | "비공개 인자";
    worker_known_since: "Known since" | "처음 등록";
    worker_seen: "Last heard of" | "최근 확인";
    worker_numbers: "How it does" | "현황";
    worker_no_runs: "No run ended in this time." | "이 기간에 끝난 실행이 없습니다.";
    worker_errors: "What fails" | "실패";
    worker_no_errors: "Nothing failed in this time." | "이 기간에 실패가 없습니다.";
    all_errors_of_worker: "All errors of this worker" | "이 워커의 모든 오류";
    worker_jobs: "Newest jobs" | "최근 작업";
    worker_no_jobs: "None of its jobs is there." | "남아 있는 작업이 없습니다.";
    share_failed(percent: &str): "{percent} % of those that came to an end of their own" | "스스로 끝난 실행의 {percent}%";
    slowest(span: &str): "the longest {span}" | "최장 {span}";
}
