# What an administrator of RT sets up for Firebreak: an account with its rights and a token, and a
# custom field for the incident's id. Arguments: the database that this may touch, the account.
# Writes the token.
use strict;
use warnings;
use lib '/usr/share/request-tracker5/lib';
use RT;

my ($database, $account) = @ARGV;
RT::LoadConfig();
die "this is another RT's database\n" unless RT->Config->Get('DatabaseName') eq $database;
RT::Init();

my $admin = RT->SystemUser;
my $queue = RT::Queue->new($admin);
$queue->Load('General') or die 'no queue';
my $user = RT::User->new($admin);
sure($user->Create(Name => $account, EmailAddress => "$account\@range.example", Privileged => 1));
for my $right (qw(SeeQueue CreateTicket ShowTicket ShowTicketComments CommentOnTicket ModifyTicket
                  SeeCustomField SetInitialCustomField)) {
    sure($user->PrincipalObj->GrantRight(Object => $queue, Right => $right));
}
my $field = RT::CustomField->new($admin);
sure($field->Create(Name => 'Firebreak incident', Type => 'FreeformSingle',
                    LookupType => 'RT::Queue-RT::Ticket'));
sure($field->AddToObject($queue));
my $token = RT::AuthToken->new($admin);
my ($made, $said, $secret) = $token->Create(Owner => $user->Id, Description => 'Firebreak');
sure($made, $said);
print "$secret\n";

sub sure { my ($done, $why) = @_; die "$why\n" unless $done; }
