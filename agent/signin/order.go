package signin

// Order returns the ways.
func Order(d Discovery, on func(Way) bool, private bool) []Way { return nil }
