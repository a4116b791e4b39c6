// Package rationale explains assessments to learners: coach.Explainer, plainly
// (Plain) or worded by a language model behind an OpenAI-compatible endpoint
// (Endpoint).
//
// The model words claims that prompts.Choose has made; it is verified, not
// trusted. Each segment of its answer must cite claims and say no more than
// they do (Verify); what doesn't is dropped, and where a strength or a fix is
// lost by that, or the endpoint is slow, down or talks nonsense, the plain
// wording of the same claims is used. So there is always an answer, and it
// never says what the labels don't bear out.
package rationale
