package panel

// Unescape is unescape, for its fuzz test.
var Unescape = unescape
