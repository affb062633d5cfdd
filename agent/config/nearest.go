package config

import "strings"

// nearest returns the known word that key is probably a slip of, or "".
func nearest(key string, known []string) string {
	for _, k := range known { // token for token_file
		if strings.HasPrefix(k, key+"_") {
			return k
		}
	}
	best, bestDist := "", max(1, min(len(key), 12)/3)+1
	for _, k := range known {
		if dist := distance(key, k); dist < bestDist {
			best, bestDist = k, dist
		}
	}
	return best
}

// distance is the number of letters to insert, drop, change or swap with their
// neighbour to get from a to b (optimal string alignment).
func distance(a, b string) int {
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
