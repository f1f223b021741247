//! Queues, and what is ordered of them.

use super::texts;

texts! {
    state_running: "running" | "작동 중";
    state_paused: "paused" | "일시 정지됨";
    state_partly_paused: "paused on some nodes" | "일부 노드에서 일시 정지됨";
    state_unworked: "no node works it" | "처리하는 노드 없음";
    pausing: "being paused" | "일시 정지하는 중";
    resuming: "being resumed" | "재개하는 중";
    running_of_limit: "Running / limit" | "실행 / 한도";
    running_of(running: &str, limit: &str): "{running} of {limit} slots in use" | "슬롯 {limit}개 중 {running}개 사용 중";
    oldest_waits: "Oldest waits" | "최장 대기";
    runs_last_hour: "Runs in an hour" | "지난 1시간 실행";
    nodes_count: "Nodes" | "노드 수";
    queues_caption: "Queues, and what waits in them" | "큐와 대기 중인 작업";
    no_queues: "There is no queue yet" | "아직 큐가 없습니다";
    no_queues_hint: "A queue is here as soon as a node works it or a job is inserted into it."
        | "노드가 큐를 처리하거나 작업이 추가되면 여기에 나타납니다.";
    unworked_with_jobs(n: &str): "Jobs wait in queues that no node works: {n}. Start a node that has the queue, or start the queue on the nodes that run."
        | "처리하는 노드가 없는 큐에서 기다리는 작업: {n}개. 해당 큐를 처리하는 노드를 시작하거나, 실행 중인 노드에서 큐를 시작하세요.";
    pause_all: "Pause all" | "모두 일시 정지";
    resume_all: "Resume all" | "모두 재개";
    scale: "Scale" | "한도 변경";
    start: "Start" | "시작";
    stop: "Stop" | "중지";
    take_back: "Take back" | "지시 취소";
    by_whom(name: &str): "by {name}" | "담당: {name}";
    until_when(time: &str): "until {time}" | "종료: {time}";
    by_signal: "signal from Oban" | "Oban 신호";
    by_signal_hint: "A node of Oban for Elixir or Python told it" | "Elixir 또는 Python용 Oban 노드가 알린 지시입니다";
    by_configuration: "as its node is configured" | "노드 설정에 따름";
    every_queue: "every queue" | "모든 큐";
    nodes_of_queue: "Nodes that work it" | "처리하는 노드";
    no_node_works_it: "No node works this queue" | "이 큐를 처리하는 노드가 없습니다";
    no_node_works_it_hint: "Its jobs wait until a node starts that has it, or until it is started on the nodes that run."
        | "큐를 처리하는 노드가 시작되거나 실행 중인 노드에서 큐를 시작할 때까지 작업이 기다립니다.";
    limit: "Limit" | "한도";
    running: "Running" | "실행 중";
    since_when: "Since" | "시작 시각";
    orders: "Orders that hold" | "유효한 지시";
    no_orders: "Nothing is ordered. Nodes go by what they are configured with." | "지시가 없습니다. 노드는 설정대로 작동합니다.";
    orders_hint: "The newest order that is for a queue and a node decides. Orders hold after restarts, and for nodes that come later."
        | "큐와 노드에 해당하는 가장 최근 지시가 적용됩니다. 지시는 재시작 후에도, 나중에 시작하는 노드에도 유효합니다.";
    order: "Order" | "지시";
    order_for: "For" | "대상";
    order_given: "Given" | "지시 시각";
    order_paused: "paused" | "일시 정지";
    order_resumed: "resumed" | "재개";
    order_limit(limit: u32): "limit {limit}" | "한도 {limit}";
    order_started(limit: u32): "started, limit {limit}" | "시작, 한도 {limit}";
    order_started_paused(limit: u32): "started paused, limit {limit}" | "일시 정지 상태로 시작, 한도 {limit}";
    order_stopped: "stopped" | "중지";
    recent_failures: "Recent failures" | "최근 실패";
    retry_failures: "Retry what failed" | "실패한 작업 재시도";
    jobs_of_queue: "All jobs" | "모든 작업";

    pause_title(what: &str): "Pause {what}" | "일시 정지: {what}";
    pause_consequence: "No more jobs are claimed. What runs goes on to its end." | "새 작업을 가져오지 않습니다. 실행 중인 작업은 끝까지 실행됩니다.";
    resume_consequence: "Jobs are claimed again." | "작업을 다시 가져옵니다.";
    pause_reason_hint: "For those who look later; at most 500 characters." | "나중에 보는 사람을 위한 설명입니다. 최대 500자.";
    pause_ends: "It ends" | "종료";
    pause_ends_never: "when somebody resumes it" | "재개할 때까지";
    pause_ends_in: "by itself, after" | "지정한 시간 후 자동으로";
    pause_ends_at: "by itself, at" | "지정한 시각에 자동으로";
    pause_amount: "How long" | "시간";
    pause_unit: "Unit" | "단위";
    pause_at: "When" | "시각";
    in_zone(zone: &str): "in {zone}" | "시간대: {zone}";
    unit_minutes: "minutes" | "분";
    unit_hours: "hours" | "시간";
    unit_days: "days" | "일";
    scale_title(what: &str): "Scale {what}" | "한도 변경: {what}";
    scale_consequence: "So many jobs run at once on each node, instead of what was configured. If more run already, they may end."
        | "설정값 대신 노드마다 이 수만큼 동시에 실행됩니다. 이미 더 많이 실행 중이면 끝날 때까지 기다립니다.";
    limit_per_node: "Jobs at once on each node" | "노드별 동시 실행 수";
    start_title(what: &str): "Start {what}" | "시작: {what}";
    start_consequence: "Nodes that run now and do not work the queue begin to, for as long as they run. Jobs of workers that a node does not know are left for others."
        | "지금 실행 중이며 이 큐를 처리하지 않는 노드가 종료될 때까지 큐를 처리합니다. 노드가 모르는 워커의 작업은 다른 노드에 남겨 둡니다.";
    start_paused: "Claim nothing before it is resumed" | "재개하기 전까지 작업을 가져오지 않음";
    stop_title(what: &str): "Stop {what}" | "중지: {what}";
    stop_consequence(n: u64): one "{n} node ceases to work the queue until it starts again. What runs there has its grace period to end."
        other "{n} nodes cease to work the queue until they start again. What runs there has its grace period to end."
        | "노드 {n}개가 다시 시작할 때까지 큐를 처리하지 않습니다. 실행 중인 작업은 유예 시간 안에 끝나야 합니다.";
    reset_title(what: &str): "Take back what was ordered for {what}" | "지시 취소: {what}";
    reset_consequence(n: u64): one "{n} order is forgotten, and nodes go by what they are configured with."
        other "{n} orders are forgotten, and nodes go by what they are configured with."
        | "지시 {n}개를 취소합니다. 노드는 설정대로 작동합니다.";
    on_node(queue: &str, node: &str): "{queue} on {node}" | "{queue} ({node})";

    done_paused: "Paused. Nodes follow within a second or so." | "일시 정지했습니다. 노드는 약 1초 안에 따릅니다.";
    done_resumed: "Resumed. Nodes follow within a second or so." | "재개했습니다. 노드는 약 1초 안에 따릅니다.";
    done_scaled: "The limit is changed. Nodes follow within a second or so." | "한도를 변경했습니다. 노드는 약 1초 안에 따릅니다.";
    done_started: "Started on the nodes that run." | "실행 중인 노드에서 시작했습니다.";
    done_stopped: "Stopped. What runs may end." | "중지했습니다. 실행 중인 작업은 끝까지 실행됩니다.";
    done_reset: "Taken back. Nodes go by what they are configured with." | "지시를 취소했습니다. 노드는 설정대로 작동합니다.";

    wrong_amount: "Give a whole number, at least 1" | "1 이상의 정수를 입력하세요";
    wrong_at: "Give a date and a time" | "날짜와 시각을 입력하세요";
    wrong_past: "That is in the past" | "지난 시각입니다";
    wrong_limit: "Give 1 to 2,147,483,647; to run none, pause the queue" | "1에서 2,147,483,647 사이의 수를 입력하세요. 하나도 실행하지 않으려면 큐를 일시 정지하세요";
    wrong_words: "At most 500 characters" | "최대 500자";
}
