package escl

import (
	"io"
	"net/url"
	"strings"
)

// Status is a ScannerStatus document.
type Status struct {
	Version  string
	State    string    // StateIdle …; other values occur
	AdfState string    // AdfLoaded …; "" without a feeder; not to be relied on
	Jobs     []JobInfo // newest first
}

// JobInfo is one entry of the job list in a status.
type JobInfo struct {
	JobURI             string // path
	JobUUID            string // any text
	Age                int    // seconds
	ImagesCompleted    int
	ImagesToTransfer   int
	TransferRetryCount int
	State              string // JobProcessing …; other values occur
	Reasons            []string
}

// Job finds the entry of the job with the path that CreateJob returned. Only
// the last segment counts, since devices list jobs under other prefixes than
// those they hand out.
func (s *Status) Job(path string) (JobInfo, bool) {
	want := lastSegment(path)
	for _, j := range s.Jobs {
		if want != "" && lastSegment(j.JobURI) == want {
			return j, true
		}
	}
	return JobInfo{}, false
}

func lastSegment(path string) string {
	path = strings.TrimRight(path, "/")
	path = path[strings.LastIndexByte(path, '/')+1:]
	if plain, err := url.PathUnescape(path); err == nil {
		return plain
	}
	return path
}

type statusXML struct {
	Version  text `xml:"http://www.pwg.org/schemas/2010/12/sm Version"`
	State    text `xml:"http://www.pwg.org/schemas/2010/12/sm State"`
	AdfState text `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 AdfState"`
	Jobs     []struct {
		URI       text   `xml:"http://www.pwg.org/schemas/2010/12/sm JobUri"`
		UUID      text   `xml:"http://www.pwg.org/schemas/2010/12/sm JobUuid"`
		Age       number `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 Age"`
		Completed number `xml:"http://www.pwg.org/schemas/2010/12/sm ImagesCompleted"`
		Transfer  number `xml:"http://www.pwg.org/schemas/2010/12/sm ImagesToTransfer"`
		Retries   number `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 TransferRetryCount"`
		State     text   `xml:"http://www.pwg.org/schemas/2010/12/sm JobState"`
		Reasons   []text `xml:"http://www.pwg.org/schemas/2010/12/sm JobStateReasons>JobStateReason"`
	} `xml:"http://schemas.hp.com/imaging/escl/2011/05/03 Jobs>JobInfo"`
}

// DecodeStatus reads a ScannerStatus document. Errors wrap [ErrXML],
// [ErrTooLarge] or what r returned.
func DecodeStatus(r io.Reader) (*Status, error) {
	var x statusXML
	if err := decode(r, "ScannerStatus", &x); err != nil {
		return nil, err
	}
	s := &Status{Version: string(x.Version), State: string(x.State), AdfState: string(x.AdfState)}
	for _, j := range x.Jobs {
		s.Jobs = append(s.Jobs, JobInfo{
			JobURI:             string(j.URI),
			JobUUID:            string(j.UUID),
			Age:                int(j.Age),
			ImagesCompleted:    int(j.Completed),
			ImagesToTransfer:   int(j.Transfer),
			TransferRetryCount: int(j.Retries),
			State:              string(j.State),
			Reasons:            values(j.Reasons),
		})
	}
	return s, nil
}

// Encode returns the document as XML.
func (s *Status) Encode() []byte {
	var w writer
	w.document("scan:ScannerStatus", func() {
		w.text("pwg:Version", s.Version)
		w.text("pwg:State", s.State)
		w.text("scan:AdfState", s.AdfState)
		if len(s.Jobs) == 0 {
			return
		}
		w.element("scan:Jobs", func() {
			for _, j := range s.Jobs {
				w.element("scan:JobInfo", func() {
					w.text("pwg:JobUri", j.JobURI)
					w.text("pwg:JobUuid", j.JobUUID)
					w.number("scan:Age", j.Age)
					w.number("pwg:ImagesCompleted", j.ImagesCompleted)
					w.number("pwg:ImagesToTransfer", j.ImagesToTransfer)
					w.number("scan:TransferRetryCount", j.TransferRetryCount)
					w.text("pwg:JobState", j.State)
					w.list("pwg:JobStateReasons", "pwg:JobStateReason", j.Reasons)
				})
			}
		})
	})
	return w.buf.Bytes()
}
