package phone

import "context"

// Look reads the provider's own description, as Start does first, and asks for
// no code. Failures are *[signin.Refused].
func (m *CompanyMethod) Look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if _, err := m.client.Discover(ctx); err != nil {
		return refused(err)
	}
	return nil
}
