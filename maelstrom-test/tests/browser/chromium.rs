//! A client of Chromium's DevTools protocol: JSON commands and events over a pair of pipes.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// A browser with one page. It is closed when this value is dropped.
pub(crate) struct Chromium {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    session: String,
    next_id: u64,
    profile: PathBuf,
    /// Console messages and uncaught exceptions since the last [`Chromium::open`].
    pub(crate) errors: Vec<String>,
    /// The URLs of all requests since the last [`Chromium::open`].
    pub(crate) requests: Vec<String>,
}

impl Chromium {
    pub(crate) fn start() -> Chromium {
        let stamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let profile = std::env::temp_dir().join(format!("maelstrom-chromium-{}-{stamp}", std::process::id()));
        let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".into());
        // Chromium uses file descriptors 3 and 4. The shell assigns our pipes to them.
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(r#"exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>/dev/null"#)
            .arg(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--remote-debugging-pipe", "--allow-file-access-from-files", "--hide-scrollbars"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Chromium starts (set CHROMIUM to its path)");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (errors, requests) = (Vec::new(), Vec::new());
        let mut browser =
            Chromium { child, input, output, session: String::new(), next_id: 0, profile, errors, requests };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attached = browser.call("Target.attachToTarget", json!({"targetId": target["targetId"], "flatten": true}));
        browser.session = attached["sessionId"].as_str().unwrap().into();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Sends a command and waits for its response. Records the events before it.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.next_id += 1;
        let mut command = json!({"id": self.next_id, "method": method, "params": params});
        if !self.session.is_empty() {
            command["sessionId"] = self.session.clone().into();
        }
        self.input.write_all(format!("{command}\0").as_bytes()).unwrap();
        loop {
            let message = self.receive();
            if message["id"] == self.next_id {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
        }
    }

    fn receive(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.output.read_until(0, &mut bytes).unwrap();
        assert_eq!(bytes.pop(), Some(0), "Chromium is gone");
        let message: Value = serde_json::from_slice(&bytes).unwrap();
        let params = &message["params"];
        match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => self.errors.push(params["exceptionDetails"].to_string()),
            Some("Runtime.consoleAPICalled") => self.errors.push(params["args"].to_string()),
            Some("Log.entryAdded") => self.errors.push(params["entry"].to_string()),
            Some("Page.javascriptDialogOpening") => self.errors.push(format!("dialog: {params}")),
            Some("Network.requestWillBeSent") => {
                self.requests.push(params["request"]["url"].as_str().unwrap_or_default().into());
            }
            _ => {}
        }
        message
    }

    /// Opens a file and waits until it is loaded.
    pub(crate) fn open(&mut self, file: &Path) {
        self.open_url(&format!("file://{}", file.display()));
    }

    /// Opens an address and waits until it is loaded.
    pub(crate) fn open_url(&mut self, url: &str) {
        self.errors.clear();
        self.requests.clear();
        self.call("Page.navigate", json!({"url": url}));
        while self.receive()["method"] != "Page.loadEventFired" {}
        // A report page sets `report` when its script is ready.
        self.evaluate(
            "new Promise((done) => {
                const ready = () => !document.querySelector('script') || globalThis.report ? done(true) : setTimeout(ready, 5);
                ready();
            })",
        );
        self.settle();
    }

    /// Waits until the page is drawn.
    pub(crate) fn settle(&mut self) {
        self.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))");
    }

    /// Returns the value of an expression in the page. Awaits promises.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", params);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    /// Sets the size of the window, and whether the system prefers dark colours.
    pub(crate) fn look(&mut self, width: u64, height: u64, dark: bool) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let value = if dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.call("Emulation.setEmulatedMedia", features);
    }

    /// Presses and releases a key.
    pub(crate) fn key(&mut self, key: &str) {
        // The browser handles a key itself, for example to move the focus, only if the event has its code.
        let number = match key {
            "Tab" => 9,
            "Enter" => 13,
            " " => 32,
            _ => 0,
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "windowsVirtualKeyCode": number});
            if kind == "keyDown" && (key == "Enter" || key == " ") {
                event["text"] = if key == " " { " " } else { "\r" }.into();
            }
            self.call("Input.dispatchKeyEvent", event);
        }
        self.settle();
    }

    /// Shows the page as it is printed, or as on the screen.
    pub(crate) fn print_preview(&mut self, on: bool) {
        let media = if on { "print" } else { "" };
        self.evaluate(&format!("dispatchEvent(new Event('{}print'))", if on { "before" } else { "after" }));
        self.call("Emulation.setEmulatedMedia", json!({"media": media}));
        self.settle();
    }

    /// Returns the nodes of the accessibility tree that assistive technology does not ignore.
    pub(crate) fn accessibility(&mut self) -> Vec<Value> {
        self.call("Accessibility.enable", json!({}));
        let tree = self.call("Accessibility.getFullAXTree", json!({}));
        tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] == false).cloned().collect()
    }

    /// Types text into the focused element.
    pub(crate) fn insert(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
        self.settle();
    }

    /// Moves the pointer to the centre of the first matching element that is not covered, and clicks if `click` is set.
    pub(crate) fn point(&mut self, selector: &str, click: bool) {
        let place = self.evaluate(&format!(
            "(() => {{
                for (const element of document.querySelectorAll({selector:?})) {{
                    const r = element.getBoundingClientRect(), place = [r.x + r.width / 2, r.y + r.height / 2];
                    const top = document.elementFromPoint(...place);
                    if (top && element.parentNode.contains(top)) return place;
                }}
            }})()"
        ));
        assert!(place.is_array(), "{selector} is not visible");
        let kinds: &[&str] = if click { &["mouseMoved", "mousePressed", "mouseReleased"] } else { &["mouseMoved"] };
        for kind in kinds {
            let params = json!({"type": kind, "x": place[0], "y": place[1], "button": if *kind == "mouseMoved" { "none" } else { "left" }, "clickCount": 1});
            self.call("Input.dispatchMouseEvent", params);
        }
        self.settle();
    }

    /// Takes a picture of the window.
    pub(crate) fn screenshot(&mut self, file: &Path) {
        let shot = self.call("Page.captureScreenshot", json!({"format": "png"}));
        let bytes = base64(shot["data"].as_str().unwrap());
        std::fs::write(file, bytes).unwrap();
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Closing the browser also ends its helper processes. The profile can be removed after that.
        self.next_id += 1;
        let close = json!({"id": self.next_id, "method": "Browser.close"});
        if self.input.write_all(format!("{close}\0").as_bytes()).is_ok() {
            let _ = std::io::copy(&mut self.output, &mut std::io::sink());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// Decodes base 64 (RFC 4648).
fn base64(text: &str) -> Vec<u8> {
    let (mut out, mut buffer, mut bits) = (Vec::with_capacity(text.len() * 3 / 4), 0u32, 0);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        buffer = buffer << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((buffer >> bits) as u8);
        }
    }
    out
}
