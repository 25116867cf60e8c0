//! Speed beside peers, measured in one run and reported as a ratio. Each program under `src/bin` measures one thing.

use std::time::Instant;

/// Job-like text of about `bytes` bytes: headings, bullets, prose with abbreviations. The same every time.
pub fn job_text(bytes: usize) -> String {
    const PARTS: [&str; 6] = [
        "ABOUT US\n\nAcme Inc. builds pumps for hospitals, e.g. infusion pumps. We hire in the U.S. and abroad.\n\n",
        "Responsibilities:\n• Report to the Sr. Engineer and plan releases (v2.1, v3.0).\n• Review designs; write tests\n",
        "- Inspect welds, pipes and valves.\n- Keep records of every inspection, by hand or in Excel\n\n",
        "You have worked with Node.js, C# or .NET for five years or more. Pay is $45.50 per hour. Apply at www.acme.com!\n",
        "1. Drive to customers\n2. Repair engines on site\n3. Train Dr. Weber's staff\n\nWhat we offer\n\n",
        "The ideal candidate has led a team of ten people in a plant that never stops, and knows\nwhat it means to be called at night. Is that you?\n\n",
    ];
    let mut text = String::with_capacity(bytes + 256);
    for part in PARTS.iter().cycle() {
        if text.len() >= bytes {
            break;
        }
        text.push_str(part);
    }
    text
}

/// The best of `rounds` runs, in megabytes (10^6 bytes) of `text` a second, and what the last run returned.
pub fn megabytes_per_second(
    text: &str,
    rounds: usize,
    run: impl Fn(&str) -> usize,
) -> (f64, usize) {
    let mut best = f64::INFINITY;
    let mut count = 0;
    for _ in 0..rounds {
        let begun = Instant::now();
        count = run(text);
        best = best.min(begun.elapsed().as_secs_f64());
    }
    (text.len() as f64 / 1e6 / best, count)
}
