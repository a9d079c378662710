use super::*;
use crate::plan::PacketBehaviour;

fn nodes(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("n{i}")).collect()
}

fn network(config: NetworkConfig) -> Network {
    Network::new(config, &nodes(3), 7)
}

#[test]
fn a_body_is_delivered_byte_for_byte() {
    let mut network = network(NetworkConfig::default());
    network.send(5, 0, 1, r#"{"x":1.0}"#);
    let delivery = network.receive(5).unwrap();
    assert_eq!(delivery.line(), r#"{"id":0,"src":"n0","dest":"n1","body":{"x":1.0}}"#);
    assert_eq!(delivery.body(), r#"{"x":1.0}"#);
    let journal = String::from_utf8(network.journal_mut().take(Vec::new())).unwrap();
    let expected = "{\"seq\":0,\"time\":5,\"type\":\"send\",\"number\":0,\"message\":{\"id\":0,\"src\":\"n0\",\"dest\":\"n1\",\"body\":{\"x\":1.0}}}\n\
                    {\"seq\":1,\"time\":5,\"type\":\"recv\",\"id\":0}\n";
    assert_eq!(journal, expected);
    assert_eq!(network.stats().servers, Counts { send_count: 1, recv_count: 1, msg_count: 1 });
    assert_eq!(network.stats().clients, Counts::default());
}

#[test]
fn line_feeds_in_a_body_become_spaces() {
    let mut network = network(NetworkConfig::default());
    network.send(0, 0, 1, "{\n\"x\":\r1}");
    assert_eq!(network.receive(0).unwrap().body(), "{ \"x\": 1}");
}

#[test]
fn latency_applies_between_nodes_and_not_to_clients() {
    let mut network = network(NetworkConfig { latency: 100, ..NetworkConfig::default() });
    let client = network.add_client("c0", "w0");
    network.send(0, 0, 1, "{}");
    network.send(0, client, 1, "{}");
    assert_eq!(network.receive(0).unwrap().src, client);
    assert!(network.receive(99).is_none());
    assert_eq!(network.receive(100).unwrap().src, 0);
    assert_eq!(network.bytes_in_flight(), 0);
}

#[test]
fn partitions_are_checked_when_a_message_is_due() {
    let mut network = network(NetworkConfig { latency: 10, ..NetworkConfig::default() });
    network.send(0, 0, 1, "{}");
    network.send(0, 1, 0, "{}");
    network.partition(&vec![vec![], vec![0], vec![]], 9);
    let delivery = network.receive(10).unwrap();
    assert_eq!((delivery.src, delivery.dest), (1, 0));
    assert!(network.receive(10).is_none());
    assert_eq!(network.stats().cut, 1);
    network.heal();
    network.send(10, 0, 1, "{}");
    assert!(network.receive(20).is_some());
}

#[test]
fn loss_and_duplication_affect_only_messages_between_nodes() {
    let config = NetworkConfig { p_loss: 1.0, ..NetworkConfig::default() };
    let mut lossy = network(config);
    let (client, service) = (lossy.add_client("c0", "w0"), lossy.find("lin-kv").unwrap());
    for (src, dest) in [(client, 0), (0, client), (0, service), (service, 0)] {
        lossy.send(0, src, dest, "{}");
        assert!(lossy.receive(0).is_some());
    }
    lossy.send(0, 0, 1, "{}");
    assert!(lossy.receive(0).is_none());
    let mut duplicating = network(NetworkConfig { p_duplicate: 1.0, ..NetworkConfig::default() });
    duplicating.send(0, 0, 1, "{}");
    let ids: Vec<u64> = std::iter::from_fn(|| duplicating.receive(0)).map(|delivery| delivery.id).collect();
    assert_eq!(ids, [0, 0]);
    assert_eq!(duplicating.stats().all, Counts { send_count: 1, recv_count: 2, msg_count: 1 });
}

#[test]
fn messages_in_flight_and_stale_responses_are_dropped_after_a_kill() {
    let mut network = network(NetworkConfig { latency: 10, ..NetworkConfig::default() });
    network.send(0, 0, 1, "{}");
    let before = network.incarnation(1);
    network.node_killed(1, 4);
    network.send(1, 0, 1, "{}"); // sent while the node is down, due after its restart
    network.node_started(1);
    network.send_to_incarnation(2, 0, 1, "{}", before);
    let received: Vec<u64> = std::iter::from_fn(|| network.receive(100)).map(|delivery| delivery.id).collect();
    assert_eq!(received, [1]);
    assert_eq!(network.stats().dropped, 2);
}

#[test]
fn messages_to_a_node_are_held_back_until_it_acknowledges_init() {
    let mut network = network(NetworkConfig::default());
    let client = network.add_client("c1", "w0");
    network.begin_initialisation(1, client);
    network.begin_initialisation(0, client);
    let early: Vec<u64> = [(1, 0), (0, 1), (0, 1)].map(|(src, dest)| network.send(0, src, dest, "{}")).to_vec();
    assert!(network.receive(0).is_none() && network.bytes_in_flight() > 0);
    let init = network.send(1, client, 1, "{}");
    let service = network.find("lin-kv").expect("there are services");
    let response = network.send(1, service, 1, "{}");
    let received = |network: &mut Network| -> Vec<u64> {
        let mut ids: Vec<u64> = std::iter::from_fn(|| network.receive(1)).map(|delivery| delivery.id).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(received(&mut network), [init, response], "the other messages are held back");
    network.end_initialisation(1, 1);
    assert_eq!(received(&mut network), early[1..], "the message to the other node is still held back");
    // Messages held back for an incarnation are dropped when it ends.
    network.node_killed(0, 4);
    network.node_started(0);
    network.begin_initialisation(0, client);
    network.send(2, client, 0, "{}");
    network.end_initialisation(2, 0);
    assert_eq!(std::iter::from_fn(|| network.receive(2)).count(), 1);
    assert_eq!((network.bytes_in_flight(), network.next_deadline()), (0, None));
}

#[test]
fn the_seed_determines_the_order_of_messages_with_equal_deadlines() {
    let order = |seed| {
        let mut network = Network::new(NetworkConfig::default(), &nodes(2), seed);
        (0..8).for_each(|_| _ = network.send(0, 0, 1, "{}"));
        std::iter::from_fn(|| network.receive(0)).map(|delivery| delivery.id).collect::<Vec<_>>()
    };
    assert_eq!(order(3), order(3));
    assert_ne!(order(3), order(4));
}

#[test]
fn the_node_with_most_messages_to_peers_is_the_likely_leader() {
    let mut network = network(NetworkConfig::default());
    assert_eq!(network.likely_leader(), None);
    for (src, dest) in [(2, 0), (2, 1), (1, 0), (0, 0), (0, 0), (0, 0)] {
        network.send(0, src, dest, "{}");
    }
    assert_eq!(network.likely_leader(), Some(2));
    network.reset_likely_leader();
    assert_eq!(network.likely_leader(), None);
}

#[test]
fn packet_faults_affect_only_their_targets() {
    let mut network = network(NetworkConfig::default());
    network.start_packet_fault(&[2], PacketBehaviour::Lose { probability: 1.0 }, 5);
    network.send(0, 0, 1, "{}");
    network.send(0, 0, 2, "{}");
    network.send(0, 2, 1, "{}");
    let received: Vec<u64> = std::iter::from_fn(|| network.receive(0)).map(|delivery| delivery.id).collect();
    assert_eq!(received, [0]);
    assert_eq!(network.messages_affected(), 2);
    network.stop_packet_fault();
    network.send(0, 0, 2, "{}");
    assert!(network.receive(0).is_some());
}

#[test]
fn the_journal_keeps_only_the_first_events() {
    let mut network = network(NetworkConfig::default());
    network.send(0, 0, 1, "{}");
    network.journal_mut().start_keeping();
    (0..KEPT_EVENTS + 5).for_each(|_| _ = network.send(0, 0, 1, "{}"));
    assert_eq!(network.journal().kept().len(), KEPT_EVENTS);
    assert_eq!(network.journal().kept()[0].id, 1);
    assert_eq!(network.journal().events(), KEPT_EVENTS as u64 + 6);
}

/// The journal's lines other than `send` and `recv`, starting after `"type":`.
fn other_events(network: &mut Network) -> Vec<String> {
    while network.receive(Nanos::MAX).is_some() {}
    let journal = String::from_utf8(network.journal_mut().take(Vec::new())).unwrap();
    let lines = journal.lines().filter(|line| !line.contains("\"send\"") && !line.contains("\"recv\""));
    lines.map(|line| line.split_once("\"type\":").unwrap().1.trim_end_matches('}').to_owned()).collect()
}

#[test]
fn the_journal_records_why_a_message_was_lost_or_duplicated() {
    let mut lossy = network(NetworkConfig { p_loss: 1.0, ..NetworkConfig::default() });
    lossy.send(0, 0, 1, "{}");
    assert_eq!(other_events(&mut lossy), [r#""lose","id":0,"reason":"p-loss""#]);
    lossy.set_loss(1.0);
    lossy.send(0, 0, 1, "{}");
    assert_eq!(other_events(&mut lossy), [r#""lose","id":1,"reason":"flaky""#]);
    let mut duplicating = network(NetworkConfig { p_duplicate: 1.0, ..NetworkConfig::default() });
    duplicating.send(0, 0, 1, "{}");
    assert_eq!(other_events(&mut duplicating), [r#""duplicate","id":0,"reason":"p-duplicate""#]);
}

#[test]
fn the_journal_records_the_added_delay() {
    let mut network = network(NetworkConfig { latency: 100, ..NetworkConfig::default() });
    network.set_latency_factor(3.0);
    network.send(0, 0, 1, "{}");
    assert_eq!(network.next_deadline(), Some(300));
    assert_eq!(other_events(&mut network), [r#""delay","id":0,"reason":"slow","delay_ns":200"#]);
    network.set_latency_factor(1.0);
    let reorder = PacketBehaviour::Reorder { probability: 1.0, max_delay_ns: 1_000 };
    for behaviour in [PacketBehaviour::Delay { mean_ns: 1_000 }, reorder] {
        network.start_packet_fault(&[0], behaviour, 5);
        let id = network.send(0, 0, 1, "{}");
        let extra = network.next_deadline().unwrap() - 100;
        let expected = format!(r#""delay","id":{id},"reason":"packet","fault":5,"delay_ns":{extra}"#);
        assert_eq!(other_events(&mut network), [expected]);
    }
}

#[test]
fn the_journal_names_the_fault_that_affected_a_message() {
    let mut network = network(NetworkConfig { latency: 10, ..NetworkConfig::default() });
    network.start_packet_fault(&[0], PacketBehaviour::Lose { probability: 1.0 }, 5);
    network.send(0, 0, 1, "{}");
    network.start_packet_fault(&[0], PacketBehaviour::Duplicate { probability: 1.0 }, 6);
    network.send(0, 0, 1, "{}");
    network.stop_packet_fault();
    network.send(0, 2, 1, "{}");
    network.partition(&vec![vec![], vec![2], vec![]], 7);
    assert_eq!(
        other_events(&mut network),
        [
            r#""lose","id":0,"reason":"packet","fault":5"#,
            r#""duplicate","id":1,"reason":"packet","fault":6"#,
            r#""drop","id":2,"reason":"partition","fault":7"#,
        ]
    );
    network.heal();
    network.block_link(2, 1);
    network.send(0, 2, 1, "{}");
    assert_eq!(other_events(&mut network), [r#""drop","id":3,"reason":"partition""#]);
}

#[test]
fn the_journal_distinguishes_the_incarnations_of_a_node() {
    let mut network = network(NetworkConfig { latency: 10, ..NetworkConfig::default() });
    network.send(0, 0, 1, "{}"); // in flight when the node is killed
    let first = network.incarnation(1);
    network.node_killed(1, 3);
    network.send(0, 0, 1, "{}"); // due while the node is down
    let mut drops = other_events(&mut network);
    drops.sort_unstable(); // both are due at the same time
    assert_eq!(drops, [r#""drop","id":0,"reason":"killed","fault":3"#, r#""drop","id":1,"reason":"down","fault":3"#]);
    network.node_started(1);
    network.send_to_incarnation(0, 0, 1, "{}", first); // a response to the first incarnation
    network.node_killed(1, 8);
    network.send(0, 0, 1, "{}");
    let mut drops = other_events(&mut network);
    drops.sort_unstable();
    assert_eq!(
        drops,
        [r#""drop","id":2,"reason":"earlier-incarnation","fault":3"#, r#""drop","id":3,"reason":"down","fault":8"#,]
    );
}

#[test]
fn the_journal_records_responses_that_arrive_too_late() {
    let mut network = network(NetworkConfig::default());
    let client = network.add_client("c0", "w0");
    network.send(0, 0, client, "{}");
    let delivery = network.receive(0).unwrap();
    network.record_ignored(0, &delivery);
    network.close_client(client);
    network.send(0, 0, client, "{}");
    assert_eq!(
        other_events(&mut network),
        [r#""ignore","id":0,"reason":"not-awaited""#, r#""drop","id":1,"reason":"client-closed""#]
    );
    assert_eq!(network.stats().dropped, 0, "messages to clients do not count as dropped");
}

#[test]
fn names_of_events_and_reasons_are_parsed_back() {
    for kind in EventType::ALL {
        assert_eq!(EventType::from_name(kind.name()), Some(kind));
    }
    for reason in Reason::ALL {
        assert_eq!(Reason::from_name(reason.name()), Some(reason));
    }
    assert_eq!((EventType::from_name("sent"), Reason::from_name("")), (None, None));
}

#[test]
fn a_message_with_a_foreign_src_uses_the_link_of_its_sender() {
    let config = NetworkConfig { latency: 7_000_000, client_latency: 1_000_000, ..NetworkConfig::default() };
    let mut network = network(config);
    let client = network.add_client("c1", "w0");
    let origin = |sender, src| Origin { sender, src };
    // n1 forwards a request with the client as its src. The delay and the partitions are those between nodes.
    network.send_as(0, origin(1, client), 0, "{}", 0);
    assert_eq!(network.next_deadline(), Some(7_000_000));
    let delivery = network.receive(7_000_000).expect("the message is not dropped");
    assert_eq!((delivery.src, delivery.sender, delivery.dest), (client, 1, 0));
    assert!(delivery.line().contains(r#""src":"c1""#));
    assert_eq!((network.stats().clients.send_count, network.stats().servers.send_count), (1, 0));
    network.block_link(1, 0);
    network.send_as(10_000_000, origin(1, client), 0, "{}", 0);
    assert!(network.receive(20_000_000).is_none());
    assert_eq!(network.stats().cut, 1);
    // A message that n2 sends with n1 as its src does not use that link.
    network.send_as(20_000_000, origin(2, 1), 0, "{}", 0);
    assert!(network.receive(30_000_000).is_some());
}
