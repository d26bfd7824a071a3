//! The fuzz target's body on stable: random bytes, and correct archives with random damage.

#[path = "../../../fuzz/bodies/archive_reader.rs"]
mod archive_reader;

use archive_reader::forge;
use proptest::prelude::*;

proptest! {
    #[test]
    fn random_bytes(data in prop::collection::vec(any::<u8>(), 0..600)) {
        archive_reader::body(&data);
    }

    #[test]
    fn random_lines(data in "(\\{\"path\":\"/a\",\"etag\":\"\",\"revision\":[0-9]{1,3},\"properties\":\\{\\}\\}\n){0,3}.{0,3}") {
        archive_reader::body(data.as_bytes());
    }

    #[test]
    fn damaged_layers(layer in 0..5_usize, at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let correct = forge::Forgery::correct();
        let frames = correct.frames();
        let body: Vec<u8> = frames.iter().flat_map(|content| forge::frame(content)).collect();
        let manifest = correct.manifest();
        let layers = [correct.build(), body, frames[1].clone(), correct.parts[0].1.clone(), manifest];
        let mut data = layers[layer].clone();
        archive_reader::body(&data);
        let at = at.index(data.len());
        data[at] = value;
        archive_reader::body(&data);
    }
}
