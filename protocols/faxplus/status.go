package faxplus

// Status is the state of a fax as the service writes it. A value that is not
// among the constants is passed through: new ones may appear.
type Status string

// States of a fax in the outbox.
const (
	Submitted           Status = "submitted"
	Converting          Status = "converting"
	ScheduledForSending Status = "scheduled_for_sending"
	Sending             Status = "sending"
)

// States of a fax in the history; all are final.
const (
	Success            Status = "success"
	PartiallySent      Status = "partially_sent"
	PartiallyReceived  Status = "partially_received"
	InsufficientCredit Status = "insufficient_credit"

	Failed                        Status = "failed"
	FailedInternalProcessError    Status = "failed_internal_process_error"
	FailedUserBusy                Status = "failed_user_busy"
	FailedNoAnswer                Status = "failed_no_answer"
	FailedUnallocatedNumber       Status = "failed_unallocated_number"
	FailedOfficeConverterIssue    Status = "failed_office_converter_issue"
	FailedSeparateFilePagesIssue  Status = "failed_separate_file_pages_issue"
	FailedRenderHeaderIssue       Status = "failed_render_header_issue"
	FailedInvalidNumberFormat     Status = "failed_invalid_number_format"
	FailedMimetypeNotSupported    Status = "failed_mimetype_not_supported"
	FailedDestinationNotSupported Status = "failed_destination_not_supported"
	FailedImagePreparation        Status = "failed_image_preparation"
	FailedToSend                  Status = "failed_to_send"
	FailedNormalTemporaryFailure  Status = "failed_normal_temporary_failure"
	FailedUnknownConverterIssue   Status = "failed_unknown_converter_issue"
	FailedNormalClearing          Status = "failed_normal_clearing"
	FailedConvertToTIFFIssue      Status = "failed_convert_to_tiff_issue"
	FailedFS49                    Status = "failed_fs_49"
	FailedFS2                     Status = "failed_fs_2"
)

// OutboxStatuses lists the documented states of a fax in the outbox, in the
// order they are passed.
func OutboxStatuses() []Status {
	return []Status{Submitted, Converting, ScheduledForSending, Sending}
}

// FinalStatuses lists the documented states of a fax in the history.
func FinalStatuses() []Status {
	return []Status{
		Success, PartiallySent, PartiallyReceived, InsufficientCredit,
		Failed, FailedInternalProcessError, FailedUserBusy, FailedNoAnswer, FailedUnallocatedNumber,
		FailedOfficeConverterIssue, FailedSeparateFilePagesIssue, FailedRenderHeaderIssue,
		FailedInvalidNumberFormat, FailedMimetypeNotSupported, FailedDestinationNotSupported,
		FailedImagePreparation, FailedToSend, FailedNormalTemporaryFailure, FailedUnknownConverterIssue,
		FailedNormalClearing, FailedConvertToTIFFIssue, FailedFS49, FailedFS2,
	}
}

// InOutbox reports whether s is a documented state of a fax that is not final.
func (s Status) InOutbox() bool {
	switch s {
	case Submitted, Converting, ScheduledForSending, Sending:
		return true
	}
	return false
}
