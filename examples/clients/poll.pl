#!/usr/bin/env perl
# A client of polled image APIs with Perl's own modules: submit, poll, download, tell what came of it.
#
# The job and the place of the answer stand in the environment, as `imageproof verify client` gives them.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use HTTP::Tiny;
use IO::Uncompress::Gunzip qw(gunzip);
use JSON::PP;
use MIME::Base64 qw(decode_base64);
use List::Util qw(max min);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep);
use Time::Piece;

# Where things stand at one provider, and how it wants to be polled. Times are in seconds.
my %PROVIDERS = (
    reapi => {
        poll     => '/api/v1/tasks/%s',
        results  => sub { $_[0]{output}{image_urls} },
        first    => 30,                                  # before the first poll
        every    => sub { $_[0] < 180 ? 4 : 10 },        # from one poll to the next, by the age of the task
        patience => 600,                                 # a task that is older will not end any more
    },
    toapis => {
        poll     => '/v1/images/generations/%s',
        results  => sub { [ map { $_->{url} // $_->{b64_json} } @{ $_[0]{result}{data} } ] },
        first    => 5,
        every    => sub { 5.5 + rand 2.5 },
        patience => 300,
    },
    xingchaoyiqing => {
        poll     => '/v1/result/%s',
        results  => sub { [ $_[0]{image_url} ] },
        first    => 2,
        every    => sub { 3 },
        patience => 300,
    },
);
my %LIMITS = ( submit => 300, poll => 30, download => 120 );    # seconds that an answer may take
my $LEAST_LIMIT = 4;     # real seconds: a scaled clock makes no machine faster
my $TRIES       = 5;
my $NOT_YET     = 10;    # so long after a submit a task may be unknown to the server that is polled
my %KINDS       = (
    400 => 'invalid_request', 401 => 'auth', 402 => 'quota', 403 => 'auth', 404 => 'not_found', 408 => 'timeout',
    422 => 'invalid_request', 429 => 'rate_limited', 504 => 'timeout',
);
my %ENDS = ( png => [ "\x89PNG\r\n\x1a\n", "IEND\xaeB`\x82" ], jpeg => [ "\xff\xd8", "\xff\xd9" ], webp => [ 'RIFF', '' ] );

{
    # HTTP::Tiny repeats a GET at once when its connection was closed: the next poll is ours, and has its time.
    package Wire;
    our @ISA = ('HTTP::Tiny');

    sub _request {
        my ( $self, @rest ) = @_;
        my $answer = eval { $self->SUPER::_request(@rest) };
        return $answer if $answer;
        my $trouble = $@;
        delete $self->{handle};
        die ref $trouble ? $trouble : "lost: $trouble";
    }
}

my $scale = $ENV{IMAGEPROOF_TIME_SCALE} || 1;    # divides all waits; 1 outside of tests
my $wire  = Wire->new( keep_alive => 1, max_redirect => 0, verify_SSL => 1 );
my $json  = JSON::PP->new->utf8->canonical;
my ( $task_id, @request_ids );
my $hollow = 0;    # answers that tell the end and nothing else

sub now     { return clock_gettime(CLOCK_MONOTONIC) * $scale }
sub pause   { my ($seconds) = @_; return sleep( $seconds / $scale + 0.001 ) }
sub backoff { my ($attempt) = @_; return min( 2**$attempt, 16 ) * ( 1 + rand 0.25 ) }
sub fail    { my ( $kind, $message, $code ) = @_; die { kind => $kind, message => $message, code => $code } }

# One request and its whole answer. The key stands in a header, and only where it belongs.
sub request {
    my ( $purpose, $method, $url, %more ) = @_;
    my %options = ( headers => {} );
    $options{headers}{Authorization} = "Bearer $more{key}" if $more{key};
    if ( $more{body} ) {
        $options{headers}{'Content-Type'} = 'application/json';
        $options{content} = $json->encode( $more{body} );
    }
    $wire->timeout( max( $LIMITS{$purpose} / $scale, $LEAST_LIMIT ) );
    my $answer = $wire->request( $method, $url, \%options );
    my %reply  = ( status => $answer->{status}, headers => $answer->{headers}, data => $answer->{content}, body => {} );
    if ( $answer->{status} == 599 ) {    # no answer at all: HTTP::Tiny's own way to say so
        $reply{lost}     = $answer->{content};
        $reply{not_sent} = $answer->{content} =~ /Could not connect/;
        return \%reply;
    }
    push @request_ids, $answer->{headers}{'x-request-id'} if $answer->{headers}{'x-request-id'};
    my $text = $answer->{content};
    if ( ( $answer->{headers}{'content-encoding'} // '' ) eq 'gzip' ) {
        gunzip( \$answer->{content} => \my $plain );
        $text = $plain;
    }
    my $tree = eval { $json->decode($text) };
    $reply{body} = $tree if ref $tree eq 'HASH';
    return \%reply;
}

# The error that an answer tells, whatever its status is.
sub error_in {
    my ($reply) = @_;
    my $body = $reply->{body};
    return if $reply->{status} < 400 && !$body->{error} && ( $body->{status} // '' ) ne 'failed';
    my $parts   = ref $body->{error} eq 'HASH' ? $body->{error} : { message => $body->{error} };
    my $code    = $parts->{code}    // $body->{code};
    my $message = $parts->{message} // $body->{message} // "HTTP $reply->{status}";
    my $kind    = $KINDS{ $reply->{status} } // 'upstream';
    my $text    = ( $code // '' ) . " $message";
    if    ( $text =~ /content.policy|moderation|safety system/i ) { $kind = 'moderation' }
    elsif ( $text =~ /insufficient/i )                            { $kind = 'quota' }
    return { kind => $kind, message => "$message", code => $code };
}

# How many seconds the server wants to be left alone; a date is compared with the server's own clock.
sub retry_after {
    my ($reply) = @_;
    my $text = $reply->{headers}{'retry-after'} // '';
    return $text if $text =~ /^\d+$/;
    my ( $until, $now ) =
        map { eval { Time::Piece->strptime( $_, '%a, %d %b %Y %H:%M:%S GMT' )->epoch } } $text, $reply->{headers}{date} // '';
    return defined $until && defined $now ? max( 0, $until - $now + 1 ) : 0;
}

# Whether the provider itself says that it did not take the request, and may take it later.
sub may_pass {
    my ($reply) = @_;
    my $error = error_in($reply);
    return $error && %{ $reply->{body} } && $error->{kind} ne 'quota' && $reply->{status} =~ /^(429|503)$/;
}

# Order the job; the id of its task. It is sent again only when it was surely not taken.
sub submit {
    my ( $job, $provider ) = @_;
    my $reply;
    for my $attempt ( 0 .. $TRIES - 1 ) {
        $reply = request( 'submit', 'POST', $ENV{IMAGEPROOF_BASE_URL} . $job->{path},
            key => $ENV{IMAGEPROOF_API_KEY}, body => $job->{request} );
        last if $attempt == $TRIES - 1 || !( $reply->{not_sent} || !$reply->{lost} && may_pass($reply) );
        my $asked = retry_after($reply);
        fail( 'rate_limited', "the server asks to be left alone for $asked s" ) if $asked > $provider->{patience};
        pause( max( backoff($attempt), $asked * 1.02 ) );
    }
    fail( 'network', "the submit was not answered, so it may be taken: $reply->{lost}" ) if $reply->{lost};
    my $error = error_in($reply);
    die $error if $error;
    $task_id = $reply->{body}{id};
    fail( 'upstream', 'the answer to the submit holds no id of a task' ) if !$task_id || ref $task_id;
    return $task_id;
}

# Wait for the end of the task; its last answer. Errors that pass are sat out.
sub poll {
    my ( $id, $provider ) = @_;
    my $url = $ENV{IMAGEPROOF_BASE_URL} . sprintf $provider->{poll}, $id;
    my ( $began, $wait, $troubles ) = ( now(), $provider->{first}, 0 );
    while (1) {
        pause($wait);
        my $reply = request( 'poll', 'GET', $url, key => $ENV{IMAGEPROOF_API_KEY} );
        my $fine  = 0;
        if ( !$reply->{lost} ) {
            return $reply->{body} if has_ended( $reply, now() - $began, $provider );
            $fine = $reply->{status} == 200 && exists $reply->{body}{status};
        }
        $troubles = $fine ? 0 : $troubles + 1;
        my $age = now() - $began;
        $wait = max( $provider->{every}->($age) + ( $troubles ? backoff( $troubles - 1 ) : 0 ), retry_after($reply) * 1.02 );
        fail( 'timeout', sprintf 'task %s has not ended after %d s', $id, $age ) if $age + $wait > $provider->{patience};
    }
}

# Whether an answer to a poll is the last one. Dies when the job has failed for good.
sub has_ended {
    my ( $reply, $age, $provider ) = @_;
    my ( $status, $error, $state ) = ( $reply->{status}, scalar error_in($reply), $reply->{body}{status} // '' );
    if ( $status == 200 ) {
        return 0 if $state !~ /^(completed|failed)$/;    # states that no page names pass
        my $told = $state eq 'failed' ? $reply->{body}{error} : results_in( $reply->{body}, $provider );
        return 0   if !$told && ++$hollow < $TRIES;       # the end is known before its result, or its reason
        die $error if $state eq 'failed';
        return 1;
    }
    return 0   if $status == 404 && $age < $NOT_YET;
    die $error if %{ $reply->{body} } && $error && $status < 500 && $status != 429;
    return 0;
}

# The URLs or the base64 of all images in an answer.
sub results_in {
    my ( $body, $provider ) = @_;
    my $urls = eval { $provider->{results}->($body) };    # something else may stand where they should be
    return grep { defined && !ref } ref $urls eq 'ARRAY' ? @$urls : ();
}

# Fetch one image, without the key; again when it is not whole, or not there yet.
sub download {
    my ( $url, $job ) = @_;
    my $problem = '';
    if ( $url !~ /^http/ ) {
        my $data = decode_base64($url);
        $problem = what_is_wrong( $data, $job );
        fail( 'upstream', $problem ) if $problem;
        return $data;
    }
    for my $attempt ( 0 .. $TRIES - 1 ) {
        pause( backoff( $attempt - 1 ) ) if $attempt;
        my $reply = request( 'download', 'GET', $url );
        $problem = $reply->{lost} // ( $reply->{status} == 200 ? what_is_wrong( $reply->{data}, $job ) : "HTTP $reply->{status}" );
        return $reply->{data} if !$problem;
    }
    fail( 'upstream', "a result can't be fetched: $problem" );
}

# What is wrong with an image: not the format, not the end, or not the size that was asked for.
sub what_is_wrong {
    my ( $data, $job ) = @_;
    my $wanted = $job->{request}{output_format} // 'png';
    my ( $start, $end ) = @{ $ENDS{$wanted} };
    if ( index( $data, $start ) != 0 || substr( $data, length($data) - length $end ) ne $end ) {
        return "expected a whole $wanted, got " . length($data) . ' bytes';
    }
    my $size = join 'x', unpack 'NN', substr $data, 16, 8;    # where a PNG has it
    return $wanted eq 'png' && $job->{size} && $size ne $job->{size} ? "expected $job->{size}, got $size" : '';
}

# The whole job; the digests of its images, which are in the folder then.
sub run {
    my ($job)    = @_;
    my $provider = $PROVIDERS{ $job->{provider} };
    my $end      = poll( submit( $job, $provider ), $provider );
    my @images   = map { download( $_, $job ) } results_in( $end, $provider );
    fail( 'upstream', scalar(@images) . " of $job->{images} images came" ) if @images < $job->{images};
    for my $number ( 0 .. $#images ) {
        my $kind = $job->{request}{output_format} // 'png';
        open my $file, '>:raw', "$ENV{IMAGEPROOF_OUT}/$job->{scenario}-$number.$kind" or die "can't write an image: $!\n";
        print {$file} $images[$number];
        close $file or die "can't write an image: $!\n";
    }
    return [ map { { sha256 => sha256_hex($_) } } @images ];
}

sub slurp { my ($path) = @_; open my $file, '<:raw', $path or die "can't read $path: $!\n"; local $/; return <$file> }

my $job  = $json->decode( slurp( $ENV{IMAGEPROOF_JOB} ) );
my $told = { outcome => 'unsupported' };
if ( $PROVIDERS{ $job->{provider} } && $job->{content} eq 'json' ) {
    my $images = eval { run($job) };
    my $error  = $@;
    die $error if !$images && !ref $error;
    $told = $images ? { outcome => 'done', images => $images } : { outcome => 'failed', error => $error };
    $told->{error}{code} .= '' if $told->{error} && defined $told->{error}{code};
    %$told = ( %$told, task_id => $task_id, request_ids => \@request_ids );
}
open my $out, '>:raw', $ENV{IMAGEPROOF_RESULT} or die "can't write the result: $!\n";
print {$out} $json->encode($told);
close $out or die "can't write the result: $!\n";
my %codes = ( done => 0, failed => 2 );
exit( $codes{ $told->{outcome} } // 64 );
