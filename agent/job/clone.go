package job

import (
	"maps"
	"slices"
)

// Clone returns a deep copy; changing one never changes the other.
func (j *Job) Clone() *Job {
	c := *j
	c.Pages = slices.Clone(j.Pages)
	c.Grants = slices.Clone(j.Grants)
	for i := range c.Grants {
		c.Grants[i].Ticket = slices.Clone(c.Grants[i].Ticket)
	}
	c.Deliveries = slices.Clone(j.Deliveries)
	for i := range c.Deliveries {
		c.Deliveries[i] = c.Deliveries[i].Clone()
	}
	return &c
}

// Clone returns a deep copy.
func (d Delivery) Clone() Delivery {
	d.Route, d.Tries, d.Refs = slices.Clone(d.Route), slices.Clone(d.Tries), maps.Clone(d.Refs)
	return d
}
