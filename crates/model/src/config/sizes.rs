//! The sizes in which BERT was published (Devlin et al., 2018; Turc et al., "Well-read students learn
//! better", 2019). Heads are 64 wide and the intermediate layer is 4·H in all of them.

use super::Config;

/// A published size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// What it is called.
    pub name: &'static str,
    /// `L`.
    pub layers: usize,
    /// `H`.
    pub hidden: usize,
}

impl Size {
    /// From the smallest to the largest.
    pub const ALL: [Self; 4] = [
        Self { name: "tiny", layers: 2, hidden: 128 },
        Self { name: "mini", layers: 4, hidden: 256 },
        Self { name: "small", layers: 4, hidden: 512 },
        Self { name: "base", layers: 12, hidden: 768 },
    ];

    /// The size of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|size| size.name == name)
    }

    /// A configuration of this size for a vocabulary of `vocab_size` tokens.
    pub fn config(self, vocab_size: usize) -> Config {
        Config {
            vocab_size,
            hidden_size: self.hidden,
            num_hidden_layers: self.layers,
            num_attention_heads: self.hidden / 64,
            intermediate_size: 4 * self.hidden,
            ..Config::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_is_the_configuration_of_the_paper() {
        let base = Size::named("base").unwrap().config(30_522);
        assert_eq!(base, Config::default());
        assert_eq!(Size::named("huge"), None);
    }
}
