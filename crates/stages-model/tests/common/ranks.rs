//! Programs on one rank or several, killed at some moment and started again.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::{PROGRAMS, Place, published};

/// Starts a program (arguments are split at spaces) once for each rank, on one thread each.
pub fn start(
    place: &Place,
    program: &str,
    arguments: &str,
    output: &str,
    ranks: u32,
) -> Vec<Child> {
    let (_, path) = PROGRAMS.iter().find(|(name, _)| *name == program).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    (0..ranks)
        .map(|rank| {
            Command::new(path)
                .args(arguments.split_whitespace())
                .args(["--output", output])
                .current_dir(place.path(""))
                .env("RANK", rank.to_string())
                .env("WORLD_SIZE", ranks.to_string())
                .env("MASTER_ADDR", "127.0.0.1")
                .env("MASTER_PORT", port.to_string())
                .env("OMP_NUM_THREADS", "1")
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect()
}

/// Waits for all ranks; each must succeed.
pub fn end_well(children: Vec<Child>) {
    for child in children {
        let ended = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success(), "{text}");
    }
}

/// Runs a program once straight and once killed so many times, one rank or the other; what both publish must be the same,
/// and a further start must find that there is nothing left to do.
pub fn killed_and_not(place: &Place, program: &str, arguments: &str, ranks: u32, kills: u32) {
    let begun = Instant::now();
    end_well(start(place, program, arguments, "straight", ranks));
    let whole = begun.elapsed();
    let expected = published(&place.path("straight"));
    for kill in 0..kills {
        let mut children = start(place, program, arguments, "killed", ranks);
        std::thread::sleep(whole * (4 + kill % 4) / 9);
        children[(kill % ranks) as usize].kill().unwrap();
        for child in children {
            child.wait_with_output().unwrap();
        }
    }
    end_well(start(place, program, arguments, "killed", ranks));
    let found = published(&place.path("killed"));
    assert_eq!(
        expected.keys().collect::<Vec<_>>(),
        found.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &expected {
        assert!(found[name] == *bytes, "{name} differs");
    }
    assert!(
        !place.path(".killed.work").exists(),
        "the work folder stays"
    );
    // Its times would be others if it had been made again.
    let telemetry = || fs::read(place.path("killed/telemetry.jsonl")).unwrap();
    let before = telemetry();
    end_well(start(place, program, arguments, "killed", ranks));
    assert!(telemetry() == before, "it was made again");
}
