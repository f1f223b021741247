//! Nodes, and what runs on them.

use super::texts;

texts! {
    nodes_caption: "Nodes, and what runs on them" | "노드와 실행 중인 작업";
    no_nodes: "No node runs" | "실행 중인 노드가 없습니다";
    no_nodes_hint: "A node is here as soon as a program starts Kerrera with a queue on this database. Jobs wait until then."
        | "프로그램이 이 데이터베이스에서 큐를 처리하기 시작하면 여기에 나타납니다. 그때까지 작업은 기다립니다.";
    nobody_works: "No node runs, so no job will. Jobs that are inserted wait until one does."
        | "실행 중인 노드가 없어 작업이 실행되지 않습니다. 추가된 작업은 노드가 시작될 때까지 기다립니다.";
    node_lives: "alive" | "정상";
    node_gone: "not heard of" | "응답 없음";
    node_gone_hint: "It works no queue, but jobs are still said to run on it. They are rescued once it is sure that it is dead."
        | "처리하는 큐가 없지만 실행 중으로 표시된 작업이 남아 있습니다. 종료가 확인되면 작업이 복구됩니다.";
    node_silent_hint: "It ended without a word, or cannot reach the database. It is listed for a day."
        | "예고 없이 종료되었거나 데이터베이스에 연결할 수 없습니다. 하루 동안 표시됩니다.";
    node_ill: "something fails" | "오류 있음";
    node_ill_hint: "Something that it does in the background fails, and is tried again for ever: see below."
        | "백그라운드 작업이 실패하여 계속 다시 시도하고 있습니다. 아래를 확인하세요.";
    node_release: "Release" | "릴리스";
    node_version(version: &str): "Kerrera {version}" | "Kerrera {version}";
    node_machine: "Machine" | "머신";
    node_process(pid: u32): "process {pid}" | "프로세스 {pid}";
    node_started: "Started" | "시작";
    node_heard: "Last heard of" | "마지막 응답";
    node_workers: "Workers that it has" | "등록한 워커";
    node_hints: "Hints of other nodes" | "다른 노드의 알림";
    hints_unknown: "not known yet" | "아직 알 수 없음";
    hints_isolated: "none arrive, not even its own: it polls" | "수신 안 됨: 폴링으로 동작";
    hints_solitary: "its own arrive, and there is no other node" | "자신의 알림만 수신";
    hints_clustered: "arrive" | "수신 중";
    hints_embedded: "not needed: nodes watch the same file" | "필요 없음: 같은 파일을 감시";
    node_loops: "What it does in the background" | "백그라운드 작업";
    loop_name: "Loop" | "루프";
    loop_state: "State" | "상태";
    loop_well: "fine" | "정상";
    loop_ill: "fails" | "실패";
    loop_idle: "Last done" | "마지막 수행";
    node_connections: "Connections with the database" | "데이터베이스 연결";
    connections_for: "For" | "용도";
    connections_calls: "Calls now" | "현재 호출";
    connections_most: "At most" | "최대 연결";
    node_met: "Jobs that it met and cannot run" | "실행할 수 없어 남겨 둔 작업";
    node_met_hint: "They are left for other nodes." | "다른 노드가 처리하도록 남겨 둡니다.";
    leader: "leads" | "리더";
    leads_since(time: &str): "Leads since {time}: it prunes, and does what only one node needs to do" | "{time}부터 리더: 정리 등 한 노드만 하면 되는 일을 합니다";
    running_here: "What runs here" | "이 노드에서 실행 중";
    running_part: "Only the 1,000 jobs that have run longest are counted here." | "가장 오래 실행 중인 작업 1,000개만 집계했습니다.";
    jobs_of_node: "Jobs that it claimed last" | "마지막으로 가져간 작업";
    nothing_runs: "Nothing runs here now" | "지금 실행 중인 작업이 없습니다";
    runs_for: "Runs for" | "실행 시간";
    working_since: "Works since" | "시작";
    queues_of_node: "Queues that it works" | "처리하는 큐";
    all_on_node: "What is ordered for every queue here" | "이 노드의 모든 큐에 대한 지시";
    pause_node: "Pause everything here" | "이 노드 전체 일시 정지";
    resume_node: "Resume everything here" | "이 노드 전체 재개";
    more_run(n: u64): one "{n} more runs" other "{n} more run" | "{n}개 더 실행 중";
}
