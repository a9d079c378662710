//! One runtime after the other.

use super::*;

#[test]
fn python_threads_sleep_exactly() {
    let text = "
import sys, threading, time
def tick():
    for _ in range(3):
        time.sleep(0.5)
        print('tick', time.monotonic_ns(), flush=True)
threading.Thread(target=tick).start()
for line in sys.stdin:
    print('got', line.strip(), flush=True)
";
    let Some(mut lab) = Lab::script("python3", "-c", text) else { return };
    lab.run_until(600 * MILLISECOND);
    lab.send(0, "x");
    lab.run_until(2 * SECOND);
    let said: Vec<String> = lab.said().iter().map(|line| line.split(" 36").next().unwrap_or(line).into()).collect();
    assert_eq!(said, ["500 n0 tick", "600 n0 got x", "1000 n0 tick", "1500 n0 tick"]);
}
