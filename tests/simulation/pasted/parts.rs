//! What a connection is made of, by chance, with passwords that no form is made for.

use crate::support::generated::Random;

/// What was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    pub user: String,
    pub host: String,
    pub port: u16,
    pub database: String,
    pub password: String,
    /// The password cut at everything that is no letter or digit: none of them is anywhere else.
    pub pieces: Vec<String>,
}

/// Everything between letters and digits that a keyboard has, and some that it has not.
const HARD: &str = "@:/?#%&=+;,.'\"`\\$!()[]{}<>|^*~-_ é漢ßÆ";

impl Parts {
    pub fn new(random: &mut Random) -> Self {
        let user = match random.below(10) {
            0 => format!("{}@{}", word(random), word(random)),
            1 => format!("{}-{}.{}", word(random), word(random), word(random)),
            2 => format!("{}_{}", word(random), random.below(100)),
            3 => "postgres".to_owned(),
            _ => word(random),
        };
        let host = match random.below(8) {
            0 => "localhost".to_owned(),
            1 => format!("10.{}.{}.7", random.below(256), random.below(256)),
            2 => format!("2001:db8::{:x}", random.below(65_536)),
            3 => format!("ep-{}-{}.eu-1.aws.example.com", word(random), random.below(1000)),
            _ => format!("{}.example", word(random)),
        };
        let port = match random.below(3) {
            0 => 5432,
            1 => 6543,
            _ => 1 + random.below(65_535) as u16,
        };
        let database = match random.below(5) {
            0 => format!("{}_{}", word(random), random.below(100)),
            1 => format!("{}-{}", word(random), word(random)),
            2 => "postgres".to_owned(),
            _ => word(random),
        };
        let (password, pieces) = password(random);
        Self { user, host, port, database, password, pieces }
    }
}

/// Lower-case letters: pieces of passwords begin with another. Three at least, so that none says `pw`.
fn word(random: &mut Random) -> String {
    let length = 3 + random.below(7);
    let letters = b"abcdefghijklmnopqrstuvw";
    (0..length).map(|_| char::from(*random.pick(letters))).collect()
}

fn password(random: &mut Random) -> (String, Vec<String>) {
    let hard: Vec<char> = HARD.chars().collect();
    let odd = |random: &mut Random| -> String {
        let length = 1 + random.below(3);
        (0..length).map(|_| *random.pick(&hard)).collect()
    };
    let count = if random.chance(25) { 1 } else { 1 + random.below(3) };
    let pieces: Vec<String> = (0..count)
        .map(|_| {
            let letters = b"ABCDEFGHXYZ0123456789xyz";
            let length = 4 + random.below(6);
            let rest: String = (0..length).map(|_| char::from(*random.pick(letters))).collect();
            format!("Zy{rest}")
        })
        .collect();
    let mut password = String::new();
    if random.chance(15) {
        password += &odd(random);
    }
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            password += &odd(random);
        }
        password += piece;
    }
    if random.chance(15) {
        password += &odd(random);
    }
    (password, pieces)
}

/// Everything but letters and digits as a URL has it.
pub fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut url, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url += &format!("%{byte:02X}");
        }
        url
    })
}
