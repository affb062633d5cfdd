package faxplus

import (
	"fmt"
	"net/url"
	"strconv"
)

// CategorySent is the history category of faxes that went out.
const CategorySent = "sent"

// Query selects faxes of the history. The reference does not say which of its
// dates After and Before are compared with, nor whether they are inclusive:
// leave slack on both sides.
type Query struct {
	// Category is inbox, sent or spam; empty for all.
	Category string
	// After and Before bound the date, in seconds; zero is open.
	After, Before Time
	// Limit is 1 to 50; 0 stands for the documented default of 50.
	Limit int
}

// Values writes the query as URL parameters.
func (q Query) Values() url.Values {
	v := url.Values{}
	if q.Category != "" {
		v.Set("category", q.Category)
	}
	if !q.After.IsZero() {
		v.Set("after", q.After.String())
	}
	if !q.Before.IsZero() {
		v.Set("before", q.Before.String())
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}

// ParseQuery reads URL parameters strictly: an unknown or repeated one, a
// foreign category, a bad date or a limit outside 1–50 is an error that wraps
// [ErrWire].
func ParseQuery(v url.Values) (Query, error) {
	q := Query{Limit: MaxListLimit}
	for name, values := range v {
		if len(values) != 1 {
			return Query{}, fmt.Errorf("parameter %.20q given %d times: %w", name, len(values), ErrWire)
		}
		var err error
		switch value := values[0]; name {
		case "category":
			if value != "inbox" && value != CategorySent && value != "spam" {
				return Query{}, fmt.Errorf("category %.20q: %w", value, ErrWire)
			}
			q.Category = value
		case "after":
			q.After, err = ParseTime(value)
		case "before":
			q.Before, err = ParseTime(value)
		case "limit":
			q.Limit, err = strconv.Atoi(value)
			if err != nil || q.Limit < 1 || q.Limit > MaxListLimit {
				return Query{}, fmt.Errorf("limit %.20q: %w", value, ErrWire)
			}
		default:
			return Query{}, fmt.Errorf("parameter %.20q: %w", name, ErrWire)
		}
		if err != nil {
			return Query{}, err
		}
	}
	return q, nil
}
