//! Measures, in points: an 8 px grid with halves.

/// The grid.
pub(crate) const GRID: f32 = 8.0;

/// Radii.
pub(crate) const RADIUS_BUTTON: u8 = 8;
pub(crate) const RADIUS_ROW: u8 = 10;
pub(crate) const RADIUS_CARD: u8 = 12;
pub(crate) const RADIUS_BUBBLE: u8 = 15;
/// The corner of a bubble that touches its neighbour in the group.
pub(crate) const RADIUS_GROUPED: u8 = 5;

/// Panels.
pub(crate) const SIDE_WIDTH: f32 = 280.0;
pub(crate) const TRANSFERS_WIDTH: f32 = 288.0;
pub(crate) const HEADER_HEIGHT: f32 = 60.0;
pub(crate) const STATUS_HEIGHT: f32 = 30.0;
/// Below this width one panel at a time is shown.
pub(crate) const ONE_COLUMN_BELOW: f32 = 680.0;
/// From this width on there is room for the transfers.
pub(crate) const THREE_COLUMNS_FROM: f32 = 1060.0;
/// The smallest window.
pub(crate) const MIN_WINDOW: [f32; 2] = [400.0, 460.0];
/// The window as it is first shown.
pub(crate) const WINDOW: [f32; 2] = [1120.0, 740.0];

/// Rows.
pub(crate) const ROW_HEIGHT: f32 = 58.0;
pub(crate) const ROW_GAP: f32 = 2.0;
pub(crate) const AVATAR: f32 = 38.0;
pub(crate) const AVATAR_SMALL: f32 = 30.0;

/// Controls.
pub(crate) const CONTROL_HEIGHT: f32 = 36.0;
pub(crate) const SMALL_CONTROL_HEIGHT: f32 = 30.0;
pub(crate) const ICON: f32 = 20.0;
pub(crate) const ICON_BUTTON: f32 = 34.0;

/// The conversation.
pub(crate) const BUBBLE_PADDING: [f32; 2] = [13.0, 7.5];
pub(crate) const BUBBLE_MAX: f32 = 520.0;
pub(crate) const CARD_WIDTH: f32 = 400.0;
pub(crate) const BETWEEN_BUBBLES: f32 = 3.0;
pub(crate) const BETWEEN_GROUPS: f32 = 10.0;
pub(crate) const LINE_HEIGHT: f32 = 19.5;
pub(crate) const PROGRESS_HEIGHT: f32 = 5.0;
pub(crate) const PIECES_HEIGHT: f32 = 6.0;

/// The page of all transfers.
pub(crate) const PAGE_MAX: f32 = 760.0;
pub(crate) const LIST_ROW: f32 = 26.0;
pub(crate) const PLOT_HEIGHT: f32 = 64.0;

/// Seconds that a change of state may take.
pub(crate) const MOTION: f32 = 0.1;
