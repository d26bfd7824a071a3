//! Who this instance is: its id, its region, its subscription; fixed when the data directory is made.

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::data_directory::{DataDirectory, read_optional, write_private};
use crate::config::Region;

const FILE: &str = "instance.json";

/// The identity a data directory keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Instance {
    /// Unique to this data directory.
    pub id: String,
    /// Where it stands.
    pub region: String,
    /// The subscription made at first start.
    pub subscription_id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether the first start came to its end.
    pub ready: bool,
}

impl Instance {
    /// Reads the identity, or makes it.
    ///
    /// A first start that was interrupted is begun again: nothing was served from it, and the
    /// credentials it made were told to nobody.
    pub(crate) fn load_or_create(
        data: &DataDirectory,
        region: Option<&Region>,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let path = data.join(FILE);
        let store = data.join("store");
        if let Some(text) = read_optional(&path)? {
            let found: Self =
                serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?;
            if found.ready {
                return found.in_region(region, data);
            }
            if store.exists() {
                std::fs::remove_dir_all(&store)
                    .with_context(|| format!("{} cannot be removed", store.display()))?;
            }
        } else if store.exists() {
            bail!(
                "{} is missing, but {} exists: this is not a whole data directory",
                path.display(),
                store.display()
            );
        }
        let instance = Self {
            id: Uuid::now_v7().to_string(),
            region: region.map_or_else(|| "local".to_owned(), |region| region.0.clone()),
            subscription_id: Uuid::new_v4().to_string(),
            created_at: now,
            ready: false,
        };
        instance.save(data)?;
        Ok(instance)
    }

    fn in_region(self, region: Option<&Region>, data: &DataDirectory) -> anyhow::Result<Self> {
        match region {
            Some(region) if region.0 != self.region => bail!(
                "the data directory {} belongs to region '{}', not '{}': use another data directory for another region",
                data.root().display(),
                self.region,
                region.0
            ),
            _ => Ok(self),
        }
    }

    /// Notes that the first start is complete.
    pub(crate) fn become_ready(&mut self, data: &DataDirectory) -> anyhow::Result<()> {
        self.ready = true;
        self.save(data)
    }

    fn save(&self, data: &DataDirectory) -> anyhow::Result<()> {
        write_private(&data.join(FILE), serde_json::to_string_pretty(self)? + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str) -> Region {
        Region(name.to_owned())
    }

    #[test]
    fn an_interrupted_first_start_is_begun_again_and_a_finished_one_is_kept() {
        let place = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(place.path()).unwrap();
        let first = Instance::load_or_create(&data, None, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!((first.region.as_str(), first.ready), ("local", false));
        std::fs::create_dir(data.join("store")).unwrap();

        let mut second = Instance::load_or_create(&data, Some(&region("eu")), Timestamp::UNIX_EPOCH).unwrap();
        assert_ne!(second.id, first.id);
        assert!(!data.join("store").exists());
        second.become_ready(&data).unwrap();
        std::fs::create_dir(data.join("store")).unwrap();

        assert_eq!(Instance::load_or_create(&data, None, Timestamp::UNIX_EPOCH).unwrap(), second);
        assert!(data.join("store").exists());
        let error = Instance::load_or_create(&data, Some(&region("us")), Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(error.to_string().contains("belongs to region 'eu', not 'us'"), "{error}");

        std::fs::remove_file(data.join(FILE)).unwrap();
        let error = Instance::load_or_create(&data, None, Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(error.to_string().contains("not a whole data directory"), "{error}");
    }
}
