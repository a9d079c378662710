use super::*;

fn nodes(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("n{i}")).collect()
}

fn network(config: NetworkConfig) -> Network {
    Network::new(config, &nodes(3), 7)
}

#[test]
fn a_message_travels_as_it_was_written() {
    let mut network = network(NetworkConfig::default());
    network.send(5, 0, 1, r#"{"x":1.0}"#);
    let delivery = network.receive(5).unwrap();
    assert_eq!(delivery.line(), r#"{"id":0,"src":"n0","dest":"n1","body":{"x":1.0}}"#);
    assert_eq!(delivery.body(), r#"{"x":1.0}"#);
    let journal = String::from_utf8(network.journal_mut().take(Vec::new())).unwrap();
    let expected = "{\"seq\":0,\"time\":5,\"type\":\"send\",\"message\":{\"id\":0,\"src\":\"n0\",\"dest\":\"n1\",\"body\":{\"x\":1.0}}}\n\
                    {\"seq\":1,\"time\":5,\"type\":\"recv\",\"id\":0}\n";
    assert_eq!(journal, expected);
    assert_eq!(network.stats().servers, Counts { send_count: 1, recv_count: 1, msg_count: 1 });
    assert_eq!(network.stats().clients, Counts::default());
}

#[test]
fn a_body_of_several_lines_becomes_one() {
    let mut network = network(NetworkConfig::default());
    network.send(0, 0, 1, "{\n\"x\":\r1}");
    assert_eq!(network.receive(0).unwrap().body(), "{ \"x\": 1}");
}

#[test]
fn latency_concerns_servers_but_not_clients() {
    let mut network = network(NetworkConfig { latency: 100, ..NetworkConfig::default() });
    let client = network.add("c0");
    network.send(0, 0, 1, "{}");
    network.send(0, client, 1, "{}");
    assert_eq!(network.receive(0).unwrap().src, client);
    assert!(network.receive(99).is_none());
    assert_eq!(network.receive(100).unwrap().src, 0);
    assert_eq!(network.queued_bytes(), 0);
}

#[test]
fn partitions_cut_at_the_moment_of_arrival() {
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
fn loss_and_duplication_spare_clients_and_services() {
    let config = NetworkConfig { p_loss: 1.0, ..NetworkConfig::default() };
    let mut lossy = network(config);
    let (client, service) = (lossy.add("c0"), lossy.find("lin-kv").unwrap());
    for (src, dest) in [(client, 0), (0, client), (0, service), (service, 0)] {
        lossy.send(0, src, dest, "{}");
        assert!(lossy.receive(0).is_some());
    }
    lossy.send(0, 0, 1, "{}");
    assert!(lossy.receive(0).is_none());
    let mut doubling = network(NetworkConfig { p_duplicate: 1.0, ..NetworkConfig::default() });
    doubling.send(0, 0, 1, "{}");
    let ids: Vec<u64> = std::iter::from_fn(|| doubling.receive(0)).map(|delivery| delivery.id).collect();
    assert_eq!(ids, [0, 0]);
    assert_eq!(doubling.stats().all, Counts { send_count: 1, recv_count: 2, msg_count: 1 });
}

#[test]
fn a_killed_node_loses_what_was_queued_and_answers_to_its_earlier_life() {
    let mut network = network(NetworkConfig { latency: 10, ..NetworkConfig::default() });
    network.send(0, 0, 1, "{}");
    let before = network.incarnation(1);
    network.take_down(1, 4);
    network.send(1, 0, 1, "{}"); // on its way while the node is down, there when it is up again
    network.bring_up(1);
    network.send_to_incarnation(2, 0, 1, "{}", before);
    let received: Vec<u64> = std::iter::from_fn(|| network.receive(100)).map(|delivery| delivery.id).collect();
    assert_eq!(received, [1]);
    assert_eq!(network.stats().dropped, 2);
}

#[test]
fn what_comes_for_a_node_waits_until_it_has_answered_init() {
    let mut network = network(NetworkConfig::default());
    let greeter = network.add("c1");
    network.await_greeting(1, greeter);
    network.await_greeting(0, greeter);
    let early: Vec<u64> = [(1, 0), (0, 1), (0, 1)].map(|(src, dest)| network.send(0, src, dest, "{}")).to_vec();
    assert!(network.receive(0).is_none() && network.queued_bytes() > 0);
    let greeting = network.send(1, greeter, 1, "{}");
    let service = network.find("lin-kv").expect("there are services");
    let answer = network.send(1, service, 1, "{}");
    let received = |network: &mut Network| -> Vec<u64> {
        let mut ids: Vec<u64> = std::iter::from_fn(|| network.receive(1)).map(|delivery| delivery.id).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(received(&mut network), [greeting, answer], "the others wait for the answer");
    network.admit(1, 1);
    assert_eq!(received(&mut network), early[1..], "the one for the other node still waits");
    // One that was killed before it heard anything gets nothing of what was for its earlier life.
    network.take_down(0, 4);
    network.bring_up(0);
    network.await_greeting(0, greeter);
    network.send(2, greeter, 0, "{}");
    network.admit(2, 0);
    assert_eq!(std::iter::from_fn(|| network.receive(2)).count(), 1);
    assert_eq!((network.queued_bytes(), network.next_deadline()), (0, None));
}

#[test]
fn ties_are_broken_by_chance_and_the_seed_repeats_them() {
    let order = |seed| {
        let mut network = Network::new(NetworkConfig::default(), &nodes(2), seed);
        (0..8).for_each(|_| _ = network.send(0, 0, 1, "{}"));
        std::iter::from_fn(|| network.receive(0)).map(|delivery| delivery.id).collect::<Vec<_>>()
    };
    assert_eq!(order(3), order(3));
    assert_ne!(order(3), order(4));
}

#[test]
fn the_most_talkative_node_is_the_likely_leader() {
    let mut network = network(NetworkConfig::default());
    assert_eq!(network.most_talkative(), None);
    for (src, dest) in [(2, 0), (2, 1), (1, 0), (0, 0), (0, 0), (0, 0)] {
        network.send(0, src, dest, "{}");
    }
    assert_eq!(network.most_talkative(), Some(2));
    network.forget_talk();
    assert_eq!(network.most_talkative(), None);
}

#[test]
fn packet_faults_touch_only_their_targets() {
    let mut network = network(NetworkConfig::default());
    network.mistreat(&[2], PacketBehaviour::Lose(1.0), 5);
    network.send(0, 0, 1, "{}");
    network.send(0, 0, 2, "{}");
    network.send(0, 2, 1, "{}");
    let received: Vec<u64> = std::iter::from_fn(|| network.receive(0)).map(|delivery| delivery.id).collect();
    assert_eq!(received, [0]);
    assert_eq!(network.packets_affected(), 2);
    network.stop_mistreating();
    network.send(0, 0, 2, "{}");
    assert!(network.receive(0).is_some());
}

#[test]
fn the_journal_keeps_the_first_events_only() {
    let mut network = network(NetworkConfig::default());
    network.send(0, 0, 1, "{}");
    network.journal_mut().keep_from_now();
    (0..KEPT_EVENTS + 5).for_each(|_| _ = network.send(0, 0, 1, "{}"));
    assert_eq!(network.journal().kept().len(), KEPT_EVENTS);
    assert_eq!(network.journal().kept()[0].id, 1);
    assert_eq!(network.journal().events(), KEPT_EVENTS as u64 + 6);
}

/// The lines of the journal that are neither `send` nor `recv`, from `"type"` on.
fn notes(network: &mut Network) -> Vec<String> {
    while network.receive(Nanos::MAX).is_some() {}
    let journal = String::from_utf8(network.journal_mut().take(Vec::new())).unwrap();
    let noted = journal.lines().filter(|line| !line.contains("\"send\"") && !line.contains("\"recv\""));
    noted.map(|line| line.split_once("\"type\":").unwrap().1.trim_end_matches('}').to_owned()).collect()
}

#[test]
fn the_journal_says_why_a_message_was_lost_or_copied() {
    let mut lossy = network(NetworkConfig { p_loss: 1.0, ..NetworkConfig::default() });
    lossy.send(0, 0, 1, "{}");
    assert_eq!(notes(&mut lossy), [r#""lose","id":0,"reason":"p-loss""#]);
    lossy.flaky(1.0);
    lossy.send(0, 0, 1, "{}");
    assert_eq!(notes(&mut lossy), [r#""lose","id":1,"reason":"flaky""#]);
    let mut doubling = network(NetworkConfig { p_duplicate: 1.0, ..NetworkConfig::default() });
    doubling.send(0, 0, 1, "{}");
    assert_eq!(notes(&mut doubling), [r#""duplicate","id":0,"reason":"p-duplicate""#]);
}

#[test]
fn the_journal_says_by_how_much_a_message_was_delayed() {
    let mut network = network(NetworkConfig { latency: 100, ..NetworkConfig::default() });
    network.slow(3.0);
    network.send(0, 0, 1, "{}");
    assert_eq!(network.next_deadline(), Some(300));
    assert_eq!(notes(&mut network), [r#""delay","id":0,"reason":"slow","delay_ns":200"#]);
    network.slow(1.0);
    for behaviour in [PacketBehaviour::Delay(1_000), PacketBehaviour::Reorder(1.0, 1_000)] {
        network.mistreat(&[0], behaviour, 5);
        let id = network.send(0, 0, 1, "{}");
        let extra = network.next_deadline().unwrap() - 100;
        let expected = format!(r#""delay","id":{id},"reason":"packet","fault":5,"delay_ns":{extra}"#);
        assert_eq!(notes(&mut network), [expected]);
    }
}

#[test]
fn the_journal_names_the_fault_that_concerned_a_message() {
    let mut network = network(NetworkConfig { latency: 10, ..NetworkConfig::default() });
    network.mistreat(&[0], PacketBehaviour::Lose(1.0), 5);
    network.send(0, 0, 1, "{}");
    network.mistreat(&[0], PacketBehaviour::Duplicate(1.0), 6);
    network.send(0, 0, 1, "{}");
    network.stop_mistreating();
    network.send(0, 2, 1, "{}");
    network.partition(&vec![vec![], vec![2], vec![]], 7);
    assert_eq!(
        notes(&mut network),
        [
            r#""lose","id":0,"reason":"packet","fault":5"#,
            r#""duplicate","id":1,"reason":"packet","fault":6"#,
            r#""drop","id":2,"reason":"partition","fault":7"#,
        ]
    );
    network.heal();
    network.drop_from(2, 1);
    network.send(0, 2, 1, "{}");
    assert_eq!(notes(&mut network), [r#""drop","id":3,"reason":"partition""#]);
}

#[test]
fn the_journal_tells_the_lives_of_a_node_apart() {
    let mut network = network(NetworkConfig { latency: 10, ..NetworkConfig::default() });
    network.send(0, 0, 1, "{}"); // on its way when the node is killed
    let first = network.incarnation(1);
    network.take_down(1, 3);
    network.send(0, 0, 1, "{}"); // due while it is down
    let mut lives = notes(&mut network);
    lives.sort_unstable(); // both are due at once
    assert_eq!(lives, [r#""drop","id":0,"reason":"killed","fault":3"#, r#""drop","id":1,"reason":"down","fault":3"#]);
    network.bring_up(1);
    network.send_to_incarnation(0, 0, 1, "{}", first); // an answer to its first life
    network.take_down(1, 8);
    network.send(0, 0, 1, "{}");
    let mut lives = notes(&mut network);
    lives.sort_unstable();
    assert_eq!(
        lives,
        [r#""drop","id":2,"reason":"earlier-incarnation","fault":3"#, r#""drop","id":3,"reason":"down","fault":8"#,]
    );
}

#[test]
fn the_journal_says_that_a_client_had_given_up() {
    let mut network = network(NetworkConfig::default());
    let client = network.add("c0");
    network.send(0, 0, client, "{}");
    let delivery = network.receive(0).unwrap();
    network.ignored(0, &delivery);
    network.close(client);
    network.send(0, 0, client, "{}");
    assert_eq!(
        notes(&mut network),
        [r#""ignore","id":0,"reason":"not-awaited""#, r#""drop","id":1,"reason":"client-closed""#]
    );
    assert_eq!(network.stats().dropped, 0, "counts are those of nodes");
}

#[test]
fn names_of_events_and_reasons_can_be_read_again() {
    for kind in EventType::ALL {
        assert_eq!(EventType::from_name(kind.name()), Some(kind));
    }
    for reason in Reason::ALL {
        assert_eq!(Reason::from_name(reason.name()), Some(reason));
    }
    assert_eq!((EventType::from_name("sent"), Reason::from_name("")), (None, None));
}

#[test]
fn a_message_in_the_name_of_another_takes_the_link_of_its_sender() {
    let config = NetworkConfig { latency: 7_000_000, client_latency: 1_000_000, ..NetworkConfig::default() };
    let mut network = network(config);
    let client = network.add("c1");
    let from = |node, src| Sender { node, src };
    // n1 forwards what c1 asked: under the client's name, with the delay and the partitions between nodes.
    network.send_for(0, from(1, client), 0, "{}", 0);
    assert_eq!(network.next_deadline(), Some(7_000_000));
    let delivery = network.receive(7_000_000).expect("nothing is in its way");
    assert_eq!((delivery.src, delivery.sender, delivery.dest), (client, 1, 0));
    assert!(delivery.line().contains(r#""src":"c1""#));
    assert_eq!((network.stats().clients.send_count, network.stats().servers.send_count), (1, 0));
    network.drop_from(1, 0);
    network.send_for(10_000_000, from(1, client), 0, "{}", 0);
    assert!(network.receive(20_000_000).is_none());
    assert_eq!(network.stats().cut, 1);
    // What n2 sends under the name of n1 does not cross that link.
    network.send_for(20_000_000, from(2, 1), 0, "{}", 0);
    assert!(network.receive(30_000_000).is_some());
}
