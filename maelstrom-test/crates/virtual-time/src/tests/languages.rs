//! Runtimes of several languages: threads, timers, random numbers, messages. The same seed gives the same output at the
//! same nanosecond, under any load.

use std::sync::atomic::AtomicBool;

use super::*;

/// Runs a program, sends it a few messages, and returns its output with times in nanoseconds.
fn record(seed: u64, program: &Path, args: &[&str]) -> Vec<(Nanos, String)> {
    let mut cluster = TestCluster::new(seed, 2, program, args);
    for (at, node, line) in [(100, 0, "one"), (650, 1, "two"), (1_000, 0, "three")] {
        cluster.run_until(at * MILLISECOND);
        cluster.send(node, line);
    }
    cluster.run_until(3 * SECOND);
    assert_eq!(cluster.machine.nondeterminism(), [""; 0]);
    cluster.output_in_ns()
}

/// Runs `body` while all processors are kept busy.
fn under_load<T>(body: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop()
                }
            });
        }
        let result = body();
        over.store(true, Ordering::Relaxed);
        result
    })
}

/// How often each program runs with the same seed. `MAELSTROM_REPETITIONS=20` takes some minutes.
pub(super) fn repetitions() -> usize {
    std::env::var("MAELSTROM_REPETITIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

/// Checks that the program ticks every half second, echoes messages when they arrive, and is reproducible.
fn check(program: &Path, args: &[&str]) {
    let first = record(1, program, args);
    let says = |prefix: &str| first.iter().filter(|(_, line)| line.starts_with(prefix)).count();
    assert_eq!((says("n0 tick"), says("n1 tick")), (5, 5), "{first:#?}");
    for (at, line) in [(100, "n0 got one"), (650, "n1 got two"), (1_000, "n0 got three")] {
        assert!(first.contains(&(at * MILLISECOND, line.to_owned())), "{first:#?}");
    }
    for (time, line) in first.iter().filter(|(_, line)| line.contains("tick")) {
        // The start of the runtime delays the ticks a little.
        assert!(time % (500 * MILLISECOND) < 5 * MILLISECOND, "{time} {line}");
    }
    for turn in 1..repetitions() {
        let again = if turn % 2 == 0 { record(1, program, args) } else { under_load(|| record(1, program, args)) };
        assert_eq!(again, first, "run {turn}");
    }
    assert_ne!(record(2, program, args), first, "random numbers depend on the seed");
}

#[test]
fn python() {
    let text = "
import os, random, sys, threading, time
print(time.time_ns(), os.getpid(), random.random(), hash('x'), os.urandom(4).hex(), os.cpu_count(), flush=True)
lock = threading.Lock()
def tick():
    for i in range(5):
        time.sleep(0.5)
        with lock: print('tick', i, time.time_ns(), flush=True)
threading.Thread(target=tick, daemon=True).start()
for line in sys.stdin:
    with lock: print('got', line.strip(), flush=True)
";
    let Some(program) = find("python3") else { return };
    check(&program, &["-c", text]);
}

#[test]
fn javascript() {
    let text = "
console.log(Date.now(), process.pid, Math.random(), require('crypto').randomBytes(4).toString('hex'));
let n = 0;
const timer = setInterval(() => { console.log('tick', n, performance.now()); if (++n == 5) clearInterval(timer); }, 500);
require('readline').createInterface({input: process.stdin}).on('line', line => console.log('got ' + line));
";
    let Some(program) = find("node") else { return };
    check(&program, &["-e", text]);
}

#[test]
fn ruby() {
    let text = "
$stdout.sync = true
puts [Process.clock_gettime(Process::CLOCK_MONOTONIC), rand, 'x'.hash, $$].inspect
Thread.new { 5.times { |i| sleep 0.5; puts \"tick #{i} #{Time.now.to_f}\" } }
while line = gets; puts \"got #{line.chomp}\"; end
";
    let Some(program) = find("ruby") else { return };
    check(&program, &["-e", text]);
}

#[test]
fn perl() {
    let text = "
use Time::HiRes qw(time setitimer ITIMER_REAL); $| = 1;
print join(' ', time, rand, $$), qq(\\n); my $n = 0;
$SIG{ALRM} = sub { print 'tick ', $n, ' ', time, qq(\\n); setitimer(ITIMER_REAL, 0.5) if ++$n < 5; };
setitimer(ITIMER_REAL, 0.5);
while (1) { my $line = <STDIN>; if (defined $line) { print 'got ', $line; } }
";
    let Some(program) = find("perl") else { return };
    check(&program, &["-e", text]);
}

#[test]
fn go() {
    let text = r#"
package main

import ("bufio"; "crypto/rand"; "fmt"; "os"; "sync"; "time")

func main() {
	seed := make([]byte, 4)
	rand.Read(seed)
	m := map[int]int{1: 1, 2: 2, 3: 3, 4: 4, 5: 5}
	order := ""
	for k := range m { order += fmt.Sprint(k) }
	var wait sync.WaitGroup
	results := make(chan int, 1000)
	for i := 0; i < 100; i++ {
		wait.Add(1)
		go func(i int) { defer wait.Done(); s := make([]byte, 10000); results <- i + len(s) }(i)
	}
	wait.Wait()
	first := ""
	for i := 0; i < 5; i++ { first += fmt.Sprint(<-results, " ") }
	fmt.Println(time.Now().UnixNano(), os.Getpid(), seed, order, first)
	go func() {
		n := 0
		for t := range time.NewTicker(500 * time.Millisecond).C {
			if n < 5 { fmt.Println("tick", n, t.UnixNano()) }
			n++
		}
	}()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() { fmt.Println("got", lines.Text()) }
}
"#;
    let Some(go) = find("go") else { return };
    let directory = Directory::new();
    let (source, program) = (directory.file("main.go", text), directory.0.join("main"));
    run(&go, &["build", "-o", path(&program), path(&source)]);
    check(&program, &[]);
}

#[test]
fn java() {
    let text = r#"
import java.io.*;
import java.util.concurrent.*;

public class Main {
    public static void main(String[] args) throws Exception {
        System.out.println(System.currentTimeMillis() + " " + System.nanoTime() + " " + new Object().hashCode() + " "
            + new java.util.Random().nextInt() + " " + new java.security.SecureRandom().nextInt() + " "
            + Runtime.getRuntime().availableProcessors() + " " + ProcessHandle.current().pid());
        int[] n = {0};
        Executors.newScheduledThreadPool(2).scheduleAtFixedRate(() -> {
            if (n[0] < 5) System.out.println("tick " + n[0]++ + " " + System.nanoTime());
        }, 500, 500, TimeUnit.MILLISECONDS);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) System.out.println("got " + line);
    }
}
"#;
    let (Some(java), Some(javac)) = (find("java"), find("javac")) else { return };
    let directory = Directory::new();
    let source = directory.file("Main.java", text);
    run(&javac, &["-d", path(&directory.0), path(&source)]);
    check(&java, &["-cp", path(&directory.0), "Main"]);
}

#[test]
fn rust() {
    let text = r#"
use std::collections::HashMap;
use std::time::{Duration, SystemTime};
fn main() {
    let map: HashMap<u32, u32> = (0..8).map(|k| (k, k)).collect();
    println!("{:?} {} {:?}", SystemTime::now(), std::process::id(), map.keys().collect::<Vec<_>>());
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for n in 0..5 {
            std::thread::sleep(Duration::from_millis(500));
            sender.send(n).unwrap();
        }
        std::thread::sleep(Duration::from_secs(100));
    });
    std::thread::spawn(move || for n in receiver { println!("tick {n} {:?}", SystemTime::now()) });
    for line in std::io::stdin().lines() { println!("got {}", line.unwrap()) }
}
"#;
    let Some(rustc) = find("rustc") else { return };
    let directory = Directory::new();
    let (source, program) = (directory.file("main.rs", text), directory.0.join("main"));
    run(&rustc, &["--edition", "2021", "-o", path(&program), path(&source)]);
    check(&program, &[]);
}
