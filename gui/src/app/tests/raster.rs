//! Paints a frame without a graphics card, for the gallery: egui's triangles, one by one.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels are small and clamped")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use egui::epaint::{ImageDelta, Primitive, Vertex};
use egui::{ClippedPrimitive, Color32, Pos2, TextureId, TexturesDelta};

/// The textures that the window uploaded.
#[derive(Clone, Default)]
pub(super) struct Textures(Arc<Mutex<HashMap<TextureId, Image>>>);

#[derive(Clone, Default)]
pub(super) struct Image {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<Color32>,
}

impl egui_kittest::TestRenderer for Textures {
    fn handle_delta(&mut self, delta: &mut TexturesDelta) {
        let mut all = self.0.lock().unwrap();
        for (id, parts) in &delta.set {
            let image = all.entry(*id).or_default();
            parts.iter().for_each(|part| image.apply(part));
        }
        delta.clear();
    }
}

impl Image {
    fn apply(&mut self, delta: &ImageDelta) {
        let egui::ImageData::Color(image) = &delta.image;
        let [width, height] = image.size;
        let [left, top] = delta.pos.unwrap_or_else(|| {
            *self = Self { width, height, pixels: vec![Color32::TRANSPARENT; width * height] };
            [0, 0]
        });
        for y in 0..height {
            let row = (top + y) * self.width + left;
            self.pixels[row..row + width].copy_from_slice(&image.pixels[y * width..(y + 1) * width]);
        }
    }

    fn sample(&self, at: Pos2) -> Color32 {
        let x = (at.x * self.width as f32).clamp(0.0, self.width as f32 - 1.0) as usize;
        let y = (at.y * self.height as f32).clamp(0.0, self.height as f32 - 1.0) as usize;
        self.pixels[y * self.width + x]
    }
}

impl Textures {
    /// The picture of a frame's triangles.
    pub(super) fn paint(&self, primitives: &[ClippedPrimitive], size: [f32; 2], scale: f32) -> Image {
        let textures = self.0.lock().unwrap();
        let [width, height] = size.map(|side| (side * scale) as usize);
        let mut image = Image { width, height, pixels: vec![Color32::BLACK; width * height] };
        for primitive in primitives {
            let Primitive::Mesh(mesh) = &primitive.primitive else { continue };
            let texture = &textures[&mesh.texture_id];
            let clip = primitive.clip_rect * scale;
            for triangle in mesh.indices.chunks_exact(3) {
                let corners = [0, 1, 2].map(|i| mesh.vertices[triangle[i] as usize]);
                triangle_onto(&mut image, corners, texture, clip, scale);
            }
        }
        image
    }
}

fn triangle_onto(image: &mut Image, corners: [Vertex; 3], texture: &Image, clip: egui::Rect, scale: f32) {
    let p = corners.map(|corner| corner.pos * scale);
    let area = edge(p[0], p[1], p[2]);
    if area == 0.0 {
        return;
    }
    let bounds = egui::Rect::from_points(&p).intersect(clip);
    let columns = bounds.left().max(0.0) as usize..(bounds.right().ceil().max(0.0) as usize).min(image.width);
    let rows = bounds.top().max(0.0) as usize..(bounds.bottom().ceil().max(0.0) as usize).min(image.height);
    for y in rows {
        for x in columns.clone() {
            let at = Pos2::new(x as f32 + 0.5, y as f32 + 0.5);
            if !clip.contains(at) {
                continue;
            }
            let w = [edge(p[1], p[2], at), edge(p[2], p[0], at), edge(p[0], p[1], at)].map(|e| e / area);
            if w.iter().any(|part| *part < 0.0) || on_far_edge(&w, &p, area) {
                continue;
            }
            let uv = (corners[0].uv.to_vec2() * w[0]
                + corners[1].uv.to_vec2() * w[1]
                + corners[2].uv.to_vec2() * w[2])
                .to_pos2();
            let tint = mix(corners.map(|corner| corner.color), w);
            let texel = texture.sample(uv);
            let source = multiply(tint, texel);
            let pixel = &mut image.pixels[y * image.width + x];
            *pixel = pixel.blend(source);
        }
    }
}

/// Two triangles share their edges: a pixel right on one belongs to the one above or left of it.
fn on_far_edge(w: &[f32; 3], p: &[Pos2; 3], area: f32) -> bool {
    (0..3).any(|i| {
        let along = (p[(i + 2) % 3] - p[(i + 1) % 3]) * area.signum();
        w[i] == 0.0 && !(along.y < 0.0 || (along.y == 0.0 && along.x > 0.0))
    })
}

fn edge(a: Pos2, b: Pos2, c: Pos2) -> f32 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

fn mix(colours: [Color32; 3], w: [f32; 3]) -> Color32 {
    let channel = |i: usize| {
        let sum: f32 = (0..3).map(|k| f32::from(colours[k].to_array()[i]) * w[k]).sum();
        sum.round() as u8
    };
    Color32::from_rgba_premultiplied(channel(0), channel(1), channel(2), channel(3))
}

fn multiply(a: Color32, b: Color32) -> Color32 {
    let (a, b) = (a.to_array(), b.to_array());
    let channel = |i: usize| ((u16::from(a[i]) * u16::from(b[i]) + 127) / 255) as u8;
    Color32::from_rgba_premultiplied(channel(0), channel(1), channel(2), channel(3))
}
