//! What whoever deploys a `stack.yml` by Docker's own command must know of it: its version, and the image of each service.

use std::collections::BTreeMap;
use std::path::Path;

use super::yaml::{self, What};
use super::{STACK, entries, text_of, version};
use crate::submission::DeployFault;

/// The outline of a `stack.yml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// What its `version` says. A second file beside it must say the same.
    pub version: String,
    /// Which image each service runs from.
    pub images: BTreeMap<String, String>,
}

impl Outline {
    /// Reads the outline of the file in a folder.
    ///
    /// # Errors
    /// It is no Compose file that a Swarm takes, or a service of it names no image.
    pub fn read(folder: &Path) -> Result<Outline, DeployFault> {
        Outline::of(&text_of(folder)?)
    }

    /// Reads the outline of a text.
    ///
    /// # Errors
    /// As [`Outline::read`].
    pub fn of(text: &str) -> Result<Outline, DeployFault> {
        let file = yaml::read(text)?;
        let version = version(&file)?;
        let mut images = BTreeMap::new();
        for entry in entries(&file)? {
            match entry.value.get("image").map(|image| &image.what) {
                Some(What::Text { text, .. }) if !text.is_empty() => {
                    images.insert(entry.key.clone(), text.clone());
                }
                _ => {
                    let says = format!("the service `{}` has no `image`, and a Swarm builds none", entry.key);
                    return Err(DeployFault::at(STACK, entry.line, says));
                }
            }
        }
        Ok(Outline { version, images })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_images_are_read() {
        let text =
            "version: \"3.8\"\nservices:\n  nginx:\n    image: nginx:1.26\n  api-1: {image: 'tiny:1'}\n";
        let outline = Outline::of(text).unwrap();
        assert_eq!(outline.version, "3.8");
        let images: Vec<_> = outline.images.iter().map(|(name, image)| (&**name, &**image)).collect();
        assert_eq!(images, [("api-1", "tiny:1"), ("nginx", "nginx:1.26")]);
    }

    #[test]
    fn a_service_without_an_image_is_named_with_its_line() {
        let fault = Outline::of("version: \"3.8\"\nservices:\n  api-1:\n    build: .\n").unwrap_err();
        assert_eq!(
            fault.to_string(),
            "stack.yml, line 3: the service `api-1` has no `image`, and a Swarm builds none"
        );
    }
}
