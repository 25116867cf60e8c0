//! Embeds texts: one JSON string a line on standard input, one JSON array a line on standard output.
//!
//! `cargo run --release -p jobmatch-biencoder --example embed -- MODEL query < texts.jsonl`

use std::io::{BufRead, Write};

use jobmatch_biencoder::BiEncoder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(model), Some(kind)) = (arguments.next(), arguments.next()) else {
        return Err("usage: embed MODEL query|passage".into());
    };
    let model = BiEncoder::load(&model)?;
    let texts = std::io::stdin()
        .lock()
        .lines()
        .map(|line| Ok(serde_json::from_str(&line?)?))
        .collect::<Result<Vec<String>, Box<dyn std::error::Error>>>()?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let embeddings = match kind.as_str() {
        "query" => model.embed_queries(&texts, &mut |_| {})?,
        _ => model.embed_passages(&texts, &mut |_| {})?,
    };
    let mut output = std::io::stdout().lock();
    for row in 0..embeddings.len() {
        writeln!(output, "{}", serde_json::to_string(embeddings.row(row))?)?;
    }
    Ok(())
}
