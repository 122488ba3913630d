use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Languages of the admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    En,
    ZhCn,
}

type Catalogue = BTreeMap<String, String>;

static ENGLISH: LazyLock<Catalogue> = LazyLock::new(|| read(include_str!("i18n/en.toml")));
static CHINESE: LazyLock<Catalogue> = LazyLock::new(|| read(include_str!("i18n/zh-CN.toml")));

/// Both catalogues are part of the binary; `cargo xtask tidy` and a test keep them readable and complete.
fn read(text: &str) -> Catalogue {
    toml::from_str(text).unwrap_or_default()
}

impl Lang {
    /// The language tag of HTML and of the `lang` cookie.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }

    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::En => Self::ZhCn,
            Self::ZhCn => Self::En,
        }
    }

    /// From a cookie's or a query's value; none where it is no language of ours.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag {
            "en" => Some(Self::En),
            "zh-CN" => Some(Self::ZhCn),
            _ => None,
        }
    }

    /// From an `Accept-Language` header: the first of our languages that it names.
    #[must_use]
    pub fn from_accept(header: &str) -> Self {
        let names = header.split(',').map(|part| part.split(';').next().unwrap_or("").trim().to_ascii_lowercase());
        for name in names {
            if name.starts_with("zh") {
                return Self::ZhCn;
            }
            if name.starts_with("en") {
                return Self::En;
            }
        }
        Self::En
    }

    /// The text of a key. A key that no catalogue has is shown as `?`, so that a gap is seen and nothing breaks.
    #[must_use]
    pub fn text(self, key: &str) -> &'static str {
        let (own, other) = match self {
            Self::En => (&*ENGLISH, &*CHINESE),
            Self::ZhCn => (&*CHINESE, &*ENGLISH),
        };
        own.get(key).or_else(|| other.get(key)).map_or("?", String::as_str)
    }
}

/// Every key of a language, for the test that compares them.
#[cfg(test)]
pub fn keys(lang: Lang) -> Vec<&'static str> {
    let catalogue = match lang {
        Lang::En => &*ENGLISH,
        Lang::ZhCn => &*CHINESE,
    };
    catalogue.keys().map(String::as_str).collect()
}
