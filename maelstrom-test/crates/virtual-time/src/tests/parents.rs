//! Programs in several languages whose threads start children at the same time and wait for them.

use super::languages::repetitions;
use super::{Directory, Nanos, Path, SECOND, TestCluster, find, path, run};

/// The number of threads that start children, and the number of children that each of them starts in turn.
const THREADS: u64 = 4;
const CHILDREN: u64 = 5;

fn record(seed: u64, program: &Path, args: &[&str]) -> Vec<(Nanos, String)> {
    let mut cluster = TestCluster::new(seed, 2, program, args);
    cluster.run_until(20 * SECOND);
    assert_eq!(cluster.machine.nondeterminism(), [""; 0], "seed {seed}");
    cluster.output_in_ns()
}

/// Checks with several seeds that every child of every node prints its number and exits with it, and that the run is
/// reproducible.
fn check(program: &Path, args: &[&str]) {
    let mut expected: Vec<String> = Vec::new();
    for node in ["n0", "n1"] {
        let numbers = (0..THREADS).flat_map(|thread| (0..CHILDREN).map(move |child| thread * 10 + child));
        expected.extend(numbers.map(|number| format!("{node} said {number}, ended with {number}")));
        expected.push(format!("{node} done"));
    }
    expected.sort_unstable();
    for seed in 0..repetitions() as u64 {
        let first = record(seed, program, args);
        let mut output: Vec<&str> =
            first.iter().map(|(_, line)| &**line).filter(|line| !line.contains("exit status: 0")).collect();
        output.sort_unstable();
        assert_eq!(output, expected, "seed {seed}");
        assert_eq!(record(seed, program, args), first, "seed {seed}");
    }
}

#[test]
fn go() {
    let text = r#"
package main

import ("fmt"; "os/exec"; "strings"; "sync")

func main() {
	var wait sync.WaitGroup
	for thread := 0; thread < 4; thread++ {
		wait.Add(1)
		go func(thread int) {
			defer wait.Done()
			for child := 0; child < 5; child++ {
				command := exec.Command("sh", "-c", "echo $0; exit $0", fmt.Sprint(thread * 10 + child))
				output, _ := command.Output()
				said := strings.TrimSpace(string(output))
				fmt.Printf("said %s, ended with %d\n", said, command.ProcessState.ExitCode())
			}
		}(thread)
	}
	wait.Wait()
	fmt.Println("done")
}
"#;
    let Some(go) = find("go") else { return };
    let directory = Directory::new();
    let (source, program) = (directory.file("main.go", text), directory.0.join("main"));
    run(&go, &["build", "-o", path(&program), path(&source)]);
    check(&program, &[]);
}

#[test]
fn python() {
    let text = "
import subprocess, threading
lock = threading.Lock()
def work(thread):
    for child in range(5):
        done = subprocess.run(['sh', '-c', 'echo $0; exit $0', str(thread * 10 + child)], stdout=subprocess.PIPE)
        with lock: print(f'said {int(done.stdout)}, ended with {done.returncode}', flush=True)
threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print('done', flush=True)
";
    let Some(program) = find("python3") else { return };
    check(&program, &["-c", text]);
}

#[test]
fn ruby() {
    let text = "
$stdout.sync = true
threads = 4.times.map do |thread|
  Thread.new do
    5.times do |child|
      reader, writer = IO.pipe
      pid = Process.spawn('sh', '-c', 'echo $0; exit $0', (thread * 10 + child).to_s, out: writer)
      writer.close
      said = reader.read.strip
      _, status = Process.wait2(pid)
      puts \"said #{said}, ended with #{status.exitstatus}\"
    end
  end
end
threads.each(&:join)
puts 'done'
";
    let Some(program) = find("ruby") else { return };
    check(&program, &["-e", text]);
}

#[test]
fn javascript() {
    let text = "
const { Worker, isMainThread, workerData, parentPort } = require('worker_threads');
const { spawn, execFileSync, spawnSync } = require('child_process');
if (isMainThread) {
  let left = 4;
  for (let thread = 0; thread < 4; thread++) {
    const worker = new Worker(__filename, { workerData: thread });
    worker.on('message', text => console.log(text));
    worker.on('exit', () => { if (--left == 0) console.log('done'); });
  }
} else {
  const next = child => {
    if (child == 5) return;
    const number = String(workerData * 10 + child);
    if (child % 2) {
      const done = spawnSync('sh', ['-c', 'echo $0; exit $0', number]);
      parentPort.postMessage(`said ${done.stdout.toString().trim()}, ended with ${done.status}`);
      return next(child + 1);
    }
    const started = spawn('sh', ['-c', 'echo $0; exit $0', number]);
    let said = '';
    started.stdout.on('data', data => said += data);
    started.on('close', status => {
      parentPort.postMessage(`said ${said.trim()}, ended with ${status}`);
      next(child + 1);
    });
  };
  next(0);
}
";
    let Some(program) = find("node") else { return };
    let directory = Directory::new();
    let source = directory.file("main.js", text);
    check(&program, &[path(&source)]);
}

#[test]
fn java() {
    let text = r#"
import java.util.*;

public class Main {
    public static void main(String[] args) throws Exception {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            int thread = i;
            threads.add(new Thread(() -> {
                for (int child = 0; child < 5; child++) {
                    try {
                        String number = String.valueOf(thread * 10 + child);
                        Process process = new ProcessBuilder("sh", "-c", "echo $0; exit $0", number).start();
                        String said = new String(process.getInputStream().readAllBytes()).trim();
                        System.out.println("said " + said + ", ended with " + process.waitFor());
                    } catch (Exception e) {
                        System.out.println(e);
                    }
                }
            }));
        }
        for (Thread thread : threads) thread.start();
        for (Thread thread : threads) thread.join();
        System.out.println("done");
    }
}
"#;
    let (Some(java), Some(javac)) = (find("java"), find("javac")) else { return };
    let directory = Directory::new();
    let source = directory.file("Main.java", text);
    run(&javac, &["-d", path(&directory.0), path(&source)]);
    check(&java, &["-cp", path(&directory.0), "Main"]);
}
